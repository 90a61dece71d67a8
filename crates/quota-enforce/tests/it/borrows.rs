//! Guarded operations change and move what the handle and the resource are a part of.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use limits_core::{Permission, QuotaType};
use quota_enforce::{
    AsResource, ComponentHandle, EnforceError, Grant, QuotaRegistry, authorize, guard, with_quota,
};

use crate::thousand;

struct Session {
    handle: ComponentHandle,
    log: Vec<u8>,
}

impl Session {
    fn append(&mut self, data: &[u8]) -> Result<usize, EnforceError> {
        self.log.extend_from_slice(data);
        Ok(self.log.len())
    }

    fn write(&mut self, path: &str, data: &[u8]) -> Result<usize, EnforceError> {
        let quota = QuotaType::Storage(3);
        with_quota!(&self.handle, path, "write", quota => { self.append(data) })
    }

    async fn write_later(&mut self, path: &str, data: &[u8]) -> Result<usize, EnforceError> {
        let quota = QuotaType::Storage(3);
        with_quota!(&self.handle, path, "write", quota => async {
            tokio::task::yield_now().await;
            self.append(data)
        })
        .await
    }
}

/// As the store of a runtime: what it holds is reached through it alone.
struct Store(Session);

impl Store {
    const fn data(&self) -> &Session {
        &self.0
    }

    const fn data_mut(&mut self) -> &mut Session {
        &mut self.0
    }
}

struct Message {
    topic: String,
    body: Vec<u8>,
}

fn publish(message: Message) -> Result<Vec<u8>, EnforceError> {
    Ok(message.body)
}

fn message() -> Message {
    Message { topic: "orders.new".to_owned(), body: vec![1, 2, 3] }
}

#[tokio::test]
async fn an_operation_changes_the_struct_that_has_the_handle() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let mut session = Session { handle: handle.clone(), log: Vec::new() };
    assert_eq!(session.write("/data/log", b"one"), Ok(3));
    assert_eq!(session.write_later("/data/log", b"two").await, Ok(6));
    assert!(session.write("/etc/log", b"one").is_err());
    assert_eq!((session.log, handle.usage().storage_used), (b"onetwo".to_vec(), 6));
}

#[test]
fn an_operation_changes_the_store_that_has_the_handle() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let mut store = Store(Session { handle: handle.clone(), log: Vec::new() });
    let quota = QuotaType::Storage(3);
    let written: Result<usize, EnforceError> = with_quota!(&store.data().handle, "/data/log", "write", quota => {
        store.data_mut().append(b"one")?;
        store.data_mut().append(b"two")
    });
    assert_eq!(written, Ok(6));
    let component = &store.data().handle;
    let grant = authorize(component, "/data/log", "write", quota).unwrap();
    assert_eq!(grant.run(|| store.data_mut().append(b"one")), Ok(9));
    assert_eq!(handle.usage().storage_used, 6);
}

#[tokio::test]
async fn an_operation_moves_the_value_that_the_resource_is_a_part_of() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let quota = QuotaType::MessageRate(1);
    let sent = message();
    let body = with_quota!(&handle, &sent.topic, "send", quota => { publish(sent) });
    assert_eq!(body.unwrap(), [1, 2, 3]);
    let sent = message();
    let task = tokio::spawn(with_quota!(&handle, &sent.topic, "send", quota => async move {
        tokio::task::yield_now().await;
        publish(sent)
    }));
    assert_eq!(task.await.unwrap().unwrap(), [1, 2, 3]);
    assert_eq!(handle.usage().message_count, 2);
}

#[test]
fn a_macro_that_waits_takes_nothing_before_its_first_poll() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let quota = QuotaType::Storage(1_000);
    let idle =
        with_quota!(&handle, "/data/x", "write", quota => async { Ok::<_, EnforceError>(()) });
    assert_eq!(handle.usage().storage_used, 0);
    drop(idle);
}

#[test]
fn a_resource_is_a_text_or_a_path_that_is_one() {
    fn write(handle: &ComponentHandle, resource: impl AsResource) -> Result<(), EnforceError> {
        guard(handle, resource, "write", QuotaType::Storage(1), |_| Ok(()))
    }
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let text = String::from("/data/x");
    write(&handle, "/data/x").unwrap();
    write(&handle, &text).unwrap();
    write(&handle, Path::new("/data/x")).unwrap();
    let path = PathBuf::from("/data/x");
    write(&handle, &path).unwrap();
    let shared = Arc::<str>::from("/data/x");
    write(&handle, &shared).unwrap();
    write(&handle, Box::<str>::from("/data/x")).unwrap();
    write(&handle, Cow::Borrowed("/data/x")).unwrap();
    write(&handle, text).unwrap();
    write(&handle, path).unwrap();
    write(&handle, shared).unwrap();
    assert_eq!(handle.usage().storage_used, 10);
}

#[cfg(unix)]
#[test]
fn a_path_that_is_no_text_is_an_error_and_never_an_approximation() {
    use std::os::unix::ffi::OsStringExt as _;

    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let path = PathBuf::from(OsString::from_vec(b"/data/\xff".to_vec()));
    let refused = authorize(&handle, &path, "write", QuotaType::Storage(1)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "path `/data/\u{fffd}` is not UTF-8, so no pattern can match it"
    );
    assert_eq!(handle.usage().storage_used, 0);
}

#[test]
fn a_permission_is_one_or_its_text() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let quota = QuotaType::Storage(1);
    let text = String::from("filesystem.write");
    let take = |grant: Result<Grant, EnforceError>| grant.unwrap().commit();
    take(authorize(&handle, "/data/x", Permission::FilesystemWrite, quota));
    take(authorize(&handle, "/data/x", "write", quota));
    take(authorize(&handle, "/data/x", &text, quota));
    take(authorize(Arc::new(handle.clone()), "/data/x", text, quota));
    assert!(authorize(&handle, "/data/x", String::from("wirte"), quota).is_err());
    assert_eq!(handle.usage().storage_used, 4);
}
