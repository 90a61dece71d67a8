//! Storage, counted and bounded.

use limits_core::ResourceQuota;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::guest::{CREATE, Guest, WRITE};
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
