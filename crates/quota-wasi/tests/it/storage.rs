//! Storage, counted and bounded.

use limits_core::ResourceQuota;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::guest::{Broken, CREATE, Guest, WRITE};
use crate::host::within;

fn bytes(storage: u64) -> ResourceQuota {
    ResourceQuota::new().with_storage(storage)
}

#[tokio::test]
async fn a_write_that_fits_in_part_is_written_up_to_the_last_byte_and_the_next_gets_quota() {
    let dir = tempfile::tempdir().unwrap();
    let quota = within(dir.path(), bytes(10));
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let fd = guest.open(root, "a", CREATE, WRITE).await.unwrap();
    assert_eq!(guest.write(fd, b"0123456", 0).await, Ok(7));
    assert_eq!(guest.write(fd, b"789abc", 7).await, Ok(3));
    assert_eq!(guest.write(fd, b"a", 10).await, Err(ErrorCode::Quota));
    assert_eq!(guest.write(fd, b"x", 0).await, Ok(1));
    assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"x123456789");
    assert_eq!(quota.component().usage().storage_used, 10);
}

#[tokio::test]
async fn a_stream_stays_open_after_a_refusal_and_writes_again_where_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let quota = within(dir.path(), bytes(10));
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let fd = guest.open(root, "a", CREATE, WRITE).await.unwrap();
    let refused = Err(Broken::Failed(Some(ErrorCode::Quota)));
    for stream in [guest.write_stream(fd, 0).await, guest.append_stream(fd).await] {
        let stream = stream.unwrap();
        assert_eq!(guest.set_size(fd, 0).await, Ok(()));
        assert_eq!(guest.put(stream, b"0123456789abc").await, refused);
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"0123456789");
        // Also where the guest does not wait for the write.
        guest.start_write(stream, b"0123456789abc").await.unwrap();
        assert_eq!(guest.blocking_flush(stream).await, refused);
        assert_eq!(guest.set_size(fd, 0).await, Ok(()));
        assert_eq!(guest.put(stream, b"01234567").await, Ok(()));
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"01234567");
    }
}
