//! Files at paths that a stranger chose.

use std::io;

use limits_config::{ComponentConfig, ConfigErrorKind, Policy, read_regular_file};

use crate::{EXAMPLE, MINIMAL};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn with_file(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = folder();
    let file = folder.path().join("Component.toml");
    std::fs::write(&file, bytes).unwrap();
    (folder, file)
}

#[test]
fn a_file_is_read_and_an_error_names_it() {
    let (_folder, file) = with_file(EXAMPLE.as_bytes());
    assert_eq!(
        ComponentConfig::from_file(&file).unwrap(),
        ComponentConfig::from_toml(EXAMPLE).unwrap()
    );
    let (_folder, file) = with_file(b"[ceilin]\n");
    let error = Policy::from_file(&file).unwrap_err();
    assert_eq!(error.file(), Some(&*file));
    assert_eq!(
        error.to_string(),
        format!(
            "{}:1:2: unknown key `ceilin`: did you mean `ceiling`? (expected one of host, compile, cluster, ceiling, \
             component)",
            file.display()
        )
    );
}

#[cfg(unix)]
#[test]
fn the_name_of_a_file_drives_no_terminal_and_forges_no_line() {
    let folder = folder();
    let inner = folder.path().join("a\u{1b}[2J\n\u{202e}b");
    std::fs::create_dir(&inner).unwrap();
    let shown = format!("{}/a\\u{{1b}}[2J\\n\\u{{202e}}b", folder.path().display());

    let missing = ComponentConfig::from_file(inner.join("Component.toml")).unwrap_err();
    let text = missing.to_string();
    assert!(text.starts_with(&format!("{shown}/Component.toml: cannot read: ")), "{text}");

    let file = inner.join("policy.toml");
    std::fs::write(&file, "[ceilin]\n").unwrap();
    let text = Policy::from_file(&file).unwrap_err().to_string();
    assert!(text.starts_with(&format!("{shown}/policy.toml:1:2: unknown key")), "{text}");

    std::fs::write(&file, "[ceiling]\nresources.cpu.max_fuel = 1\n").unwrap();
    let config = ComponentConfig::from_toml(MINIMAL).unwrap();
    let effective = Policy::from_file(&file).unwrap().apply(&config, &config.component.name, None);
    assert_eq!(
        effective.changes()[0].to_string(),
        format!(
            "resources.cpu.max_fuel lowered from 1000000 fuel to 1 fuel by {shown}/policy.toml \
             [ceiling] resources.cpu.max_fuel"
        )
    );
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let file = folder().path().join("Component.toml");
    let error = ComponentConfig::from_file(&file).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::File);
    assert_eq!((error.line(), error.column(), error.key()), (None, None, None));
    let text = error.to_string();
    assert!(text.starts_with(&format!("{}: cannot read: ", file.display())), "{text}");
}

#[test]
fn invalid_utf8_is_pointed_at() {
    let mut bytes = b"\xef\xbb\xbf[component]\nname = \"\xc3\xa9".to_vec();
    bytes.push(0xff);
    let (_folder, file) = with_file(&bytes);
    let error = ComponentConfig::from_file(&file).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::Encoding);
    assert_eq!(error.to_string(), format!("{}:2:10: not UTF-8: byte 0xff", file.display()));
    let (_folder, file) = with_file(b"\xef\xbb\xbf\xfe");
    let error = ComponentConfig::from_file(&file).unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(1), Some(1)));
}

#[test]
fn a_file_may_have_one_mebibyte_and_no_byte_more() {
    let mut bytes = MINIMAL.as_bytes().to_vec();
    bytes.resize(1 << 20, b'\n');
    let (_folder, file) = with_file(&bytes);
    assert!(ComponentConfig::from_file(&file).is_ok());

    bytes.push(b'\n');
    let (_folder, file) = with_file(&bytes);
    let error = ComponentConfig::from_file(&file).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::File);
    assert_eq!(
        error.message(),
        "cannot read: the file has 1048577 bytes, the most that is read is 1048576"
    );
    let text = String::from_utf8(bytes).unwrap();
    let error = ComponentConfig::from_toml(&text).unwrap_err();
    assert_eq!(error.to_string(), "the text has 1048577 bytes, the most that is read is 1048576");
}

#[test]
fn a_folder_is_refused() {
    let folder = folder();
    let error = ComponentConfig::from_file(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::File);
}

#[test]
fn a_file_is_bounded_by_the_caller() {
    let (_folder, file) = with_file(b"12345");
    assert_eq!(read_regular_file(&file, 5).unwrap(), b"12345");
    let error = read_regular_file(&file, 4).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(error.to_string(), "the file has 5 bytes, the most that is read is 4");
}

/// Files that an ordinary open or read would wait for without end.
#[cfg(target_os = "linux")]
mod special {
    use super::folder;
    use limits_config::{ComponentConfig, ConfigErrorKind};
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::path::Path;

    fn assert_refused(path: &Path) {
        let error = ComponentConfig::from_file(path).unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::File);
        assert_eq!(
            error.to_string(),
            format!("{}: cannot read: not a regular file", path.display())
        );
    }

    #[test]
    fn a_pipe_without_a_writer_is_refused_at_once() {
        let folder = folder();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_refused(&pipe);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        assert_refused(&link);
    }

    #[test]
    fn a_device_without_an_end_is_refused_at_once() {
        assert_refused(Path::new("/dev/zero"));
    }

    /// Such files report a size of zero.
    #[test]
    fn a_file_that_lies_about_its_size_is_still_bounded() {
        let error = limits_config::read_regular_file("/proc/self/maps", 1).unwrap_err();
        assert_eq!(error.to_string(), "the file has more than 1 bytes, the most that is read is 1");
    }
}
