//! The resource that a guard hands to its operation is the one that the patterns judged.

use std::path::Path;

use limits_core::{Permission, QuotaType};
use quota_enforce::{EnforceError, QuotaRegistry, guard, guard_async, with_quota};

use crate::thousand;

const RAW: &str = "/data/link/..//./x";
const BYTE: QuotaType = QuotaType::Storage(1);

#[tokio::test]
async fn every_guard_hands_out_the_path_that_was_judged() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let write = Permission::FilesystemWrite;
    let mut seen = vec![
        guard(&handle, RAW, write, BYTE, |path| Ok::<_, EnforceError>(path.into_string())),
        guard_async(&handle, RAW, write, BYTE, |path| async move { Ok(path.into_string()) }).await,
        handle.check_resource(write, RAW).map(|path| path.into_string()),
        handle.authorize_resource(write, RAW, BYTE).map(|(path, _grant)| path.into_string()),
    ];
    // The binder shadows the guest's path.
    let path = RAW.to_owned();
    let mut log: Vec<String> = Vec::new();
    seen.push(with_quota!(&handle, &path, "write", BYTE => |path| {
        log.push(path.to_string());
        Ok::<_, EnforceError>(path.into_string())
    }));
    seen.push(
        with_quota!(&handle, &path, "write", BYTE => async |path| {
            log.push(path.to_string());
            Ok::<_, EnforceError>(path.into_string())
        })
        .await,
    );
    let later = with_quota!(&handle, &path, "write", BYTE
    => async move |path| -> Result<String, EnforceError> {
        tokio::task::yield_now().await;
        log.push(path.to_string());
        assert_eq!(log, ["/data/x"; 3]);
        Ok(path.into_string())
    });
    seen.push(tokio::spawn(later).await.unwrap());
    assert_eq!(seen, [const { "/data/x" }; 7].map(|path| Ok(path.to_owned())));
}

#[test]
fn a_name_that_is_no_path_stays_as_it_is() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let topic = handle.check_resource(Permission::MessagingSend, "orders.new").unwrap();
    assert_eq!(topic.as_str(), "orders.new");
    // A registry that only observes passes on what was asked for.
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder().observe_only());
    let path = handle.check_resource(Permission::FilesystemWrite, "relative").unwrap().into_owned();
    assert_eq!(AsRef::<Path>::as_ref(&path), Path::new("relative"));
}
