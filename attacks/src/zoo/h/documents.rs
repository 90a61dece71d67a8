//! Documents that are hard to parse, or are none.

use crate::outcome::Outcome::Success;
use crate::vector::Vector;

use super::{LIMITS, document, ends, lines, refused};

pub(super) fn vectors() -> Vec<Vector> {
    let mut all = encodings();
    all.extend(shapes());
    all.extend(capabilities());
    all
}

fn encodings() -> Vec<Vector> {
    vec![
        ends(
            "H9",
            "a byte order mark, as some editors write it",
            |folder| document(folder, format!("\u{feff}{LIMITS}")),
            Success,
            "",
        ),
        refused(
            "H9",
            "UTF-16",
            |folder| {
                let units: Vec<u8> =
                    "\u{feff}a".encode_utf16().flat_map(u16::to_le_bytes).collect();
                document(folder, units)
            },
            "Component.toml:1:1: not UTF-8: byte 0xff",
        ),
        refused(
            "H9",
            "bytes that are no UTF-8, in a comment",
            |folder| document(folder, [LIMITS.as_bytes(), b"# \xff\xfe\n"].concat()),
            "Component.toml:3:3: not UTF-8: byte 0xff",
        ),
        refused("H9", "a zero byte", |folder| lines(folder, "# \0"), "invalid comment character"),
        refused(
            "H9",
            "a key that speaks to the terminal",
            |folder| lines(folder, "\"\\u001b]0;x\\u0007\" = 1"),
            "unknown key `\"\\u{1b}]0;x\\u{7}\"`",
        ),
        refused("H9", "no bytes", |folder| document(folder, ""), "missing key `component`"),
    ]
}

fn shapes() -> Vec<Vector> {
    vec![
        refused(
            "H9",
            "a key that is there twice",
            |folder| lines(folder, "resources.memory.max_bytes = \"2MiB\""),
            "Component.toml:3:18: duplicate key `max_bytes`: it is already there",
        ),
        refused(
            "H9",
            "a table that is there twice",
            |folder| lines(folder, "[quota]\nperiod = \"1s\"\n[quota]\nperiod = \"1s\""),
            "Component.toml:5:2: duplicate key `quota`: it is already there",
        ),
        refused(
            "H9",
            "a hundred thousand lists in each other",
            |folder| {
                let [open, close] = ["[", "]"].map(|bracket| bracket.repeat(100_000));
                lines(folder, &format!("capabilities.x = {open}{close}"))
            },
            "not valid TOML: cannot recurse further",
        ),
        refused(
            "H9",
            "fifty thousand tables in each other",
            |folder| {
                let [open, close] = ["{a=", "}"].map(|bracket| bracket.repeat(50_000));
                lines(folder, &format!("x = {open}1{close}"))
            },
            "not valid TOML: cannot recurse further",
        ),
        refused(
            "H9",
            "a key of two hundred thousand parts",
            |folder| lines(folder, &format!("a{} = 1", ".a".repeat(200_000))),
            "not valid TOML: recursion limit",
        ),
        refused(
            "H9",
            "a table's name of two hundred thousand parts",
            |folder| lines(folder, &format!("[{}a]", "a.".repeat(200_000))),
            "not valid TOML: recursion limit",
        ),
        refused(
            "H9",
            "a hundred thousand tables",
            |folder| {
                let tables: String = (0..100_000).map(|number| format!("[a{number}]\n")).collect();
                lines(folder, &tables)
            },
            "unknown key `a0`",
        ),
        refused(
            "H9",
            "a list of a hundred and fifty thousand tables",
            |folder| lines(folder, &"[[a]]\n".repeat(150_000)),
            "unknown key `a`",
        ),
        refused(
            "H9",
            "a key of a megabyte",
            |folder| lines(folder, &format!("{} = 1", "a".repeat(1_000_000))),
            "unknown key `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…`",
        ),
        refused(
            "H9",
            "a comment that makes the file too large",
            |folder| lines(folder, &"#".repeat(1 << 20)),
            "the most that is read is 1048576",
        ),
    ]
}

fn capabilities() -> Vec<Vector> {
    vec![
        refused(
            "H10",
            "eighty thousand capabilities",
            |folder| {
                let list: String = (0..80_000).map(|number| format!("\"/a{number}\",")).collect();
                lines(folder, &format!("capabilities.filesystem.read = [{list}]"))
            },
            "the pattern `/a256` is refused: this permission has 256 patterns already",
        ),
        refused(
            "H13",
            "a pattern of 300 000 bytes",
            |folder| {
                let pattern = "/**".repeat(100_000);
                lines(folder, &format!("capabilities.filesystem.read = [\"{pattern}\"]"))
            },
            "it has 300000 bytes, at most 1024 are allowed",
        ),
        refused(
            "H13",
            "a pattern of four hundred segments",
            |folder| {
                let pattern = "/**/a".repeat(200);
                lines(folder, &format!("capabilities.filesystem.read = [\"{pattern}\"]"))
            },
            "it has 400 segments, at most 32 are allowed",
        ),
        refused(
            "H13",
            "a wildcard for all hosts and ports that forgets the port",
            |folder| lines(folder, "capabilities.network.connect = [\"*\"]"),
            "the port must be a number from 1 to 65535, or `*`",
        ),
        refused(
            "H2",
            "a capability that does not exist",
            |folder| lines(folder, "capabilities.kernel.root = [\"*\"]"),
            "unknown key `capabilities.kernel`",
        ),
        refused(
            "H14",
            "a variable of the host's environment in a path",
            |folder| lines(folder, "capabilities.filesystem.read = [\"$HOME/**\"]"),
            "the pattern `$HOME/**` is refused: a path must begin with `/`",
        ),
        refused(
            "H14",
            "a variable of the host's environment in a host's name",
            |folder| lines(folder, "capabilities.network.connect = [\"${SECRET}:443\"]"),
            "the pattern `${SECRET}:443` is refused: the host is neither a name nor an address",
        ),
    ]
}
