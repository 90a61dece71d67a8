//! Storage, counted and bounded.

use limits_core::ResourceQuota;
use wasmtime_wasi::p2::bindings::filesystem::types::{ErrorCode, OpenFlags};
use wasmtime_wasi::p2::bindings::io::streams::StreamError;

use crate::guest::{Broken, CREATE, Guest, READ, WRITE, existing};
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
        assert_eq!(guest.check_write(stream).await, Ok(65_536));
        guest.start_write(stream, b"0123456789abc").await.unwrap();
        assert_eq!(guest.blocking_flush(stream).await, refused);
        assert_eq!(guest.set_size(fd, 0).await, Ok(()));
        assert_eq!(guest.put(stream, b"01234567").await, Ok(()));
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"01234567");
    }
}

#[tokio::test]
async fn an_error_of_the_system_comes_from_a_later_call_and_closes_the_stream() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a"), "content").unwrap();
    let mut guest = Guest::new(&within(dir.path(), bytes(100))).await;
    let root = guest.root().await;
    let fd = guest.open(root, "a", existing(), READ).await.unwrap();
    let failed = Err(Broken::Failed(Some(ErrorCode::BadDescriptor)));
    for waits in [true, false] {
        let stream = guest.write_stream(fd, 0).await.unwrap();
        assert_eq!(guest.check_write(stream).await, Ok(65_536));
        guest.start_write(stream, b"x").await.unwrap();
        guest.wait_for(stream).await;
        let later =
            if waits { guest.blocking_flush(stream).await } else { guest.flush(stream).await };
        assert_eq!(later, failed);
        assert_eq!(guest.check_write(stream).await, Err(Broken::Closed));
        assert_eq!(guest.flush(stream).await, Err(Broken::Closed));
        assert_eq!(guest.start_write(stream, b"x").await, Err(Broken::Closed));
        assert_eq!(guest.put(stream, b"x").await, Err(Broken::Closed));
    }
    assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"content");
}

#[tokio::test]
async fn empty_writes_cost_nothing_and_fit_where_nothing_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut guest = Guest::new(&within(dir.path(), bytes(0))).await;
    let root = guest.root().await;
    let fd = guest.open(root, "a", CREATE, WRITE).await.unwrap();
    let stream = guest.append_stream(fd).await.unwrap();
    for _ in 0..3 {
        guest.start_write(stream, b"").await.unwrap();
        guest.put(stream, b"").await.unwrap();
        assert_eq!(guest.check_write(stream).await, Ok(65_536));
    }
    assert_eq!(guest.write(fd, b"", 0).await, Ok(0));
    assert_eq!(guest.write(fd, b"x", 0).await, Err(ErrorCode::Quota));
}

#[tokio::test]
async fn bytes_that_are_spliced_count_like_bytes_that_are_written() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("from"), [b'x'; 60]).unwrap();
    let quota = within(dir.path(), bytes(100));
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let from = guest.open(root, "from", existing(), READ).await.unwrap();
    let to = guest.open(root, "to", CREATE, WRITE).await.unwrap();
    let (input, output) = (guest.read_stream(from, 0).await, guest.write_stream(to, 0).await);
    let (input, output) = (input.unwrap(), output.unwrap());
    assert_eq!(guest.splice(output, input, 100).await, Ok(0));
    guest.wait_for_input(input).await;
    assert_eq!(guest.splice(output, input, 100).await, Ok(60));
    assert_eq!(guest.blocking_flush(output).await, Err(Broken::Failed(Some(ErrorCode::Quota))));
    assert_eq!(std::fs::metadata(dir.path().join("to")).unwrap().len(), 40);
    assert_eq!(quota.component().usage().storage_used, 100);
}

#[tokio::test]
async fn a_directory_that_holds_more_than_the_quota_is_read_and_emptied_but_not_grown() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a"), [b'x'; 100]).unwrap();
    let quota = within(dir.path(), bytes(10));
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let fd = guest.open(root, "a", existing(), READ | WRITE).await.unwrap();
    assert_eq!(guest.read(fd, 200, 0).await.unwrap().0.len(), 100);
    assert_eq!(guest.write(fd, b"y", 99).await, Ok(1));
    assert_eq!(guest.write(fd, b"yy", 99).await, Ok(1));
    assert_eq!(guest.write(fd, b"y", 100).await, Err(ErrorCode::Quota));
    assert_eq!(guest.set_size(fd, 1 << 40).await, Err(ErrorCode::Quota));
    assert_eq!(guest.set_size(fd, 50).await, Ok(()));
    assert_eq!(guest.write(fd, b"y", 50).await, Err(ErrorCode::Quota));
    // To open it cut gives all of it back.
    let cut = guest.open(root, "a", OpenFlags::TRUNCATE, WRITE).await.unwrap();
    assert_eq!(guest.write(cut, b"0123456789a", 0).await, Ok(10));
    assert_eq!(quota.component().usage().storage_used, 10);
}

#[tokio::test]
async fn an_unlinked_file_counts_until_its_last_stream_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let quota = within(dir.path(), bytes(10));
    let used = || quota.component().usage().storage_used;
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let fd = guest.open(root, "a", CREATE, WRITE).await.unwrap();
    let stream = guest.append_stream(fd).await.unwrap();
    guest.put(stream, b"01234").await.unwrap();
    guest.unlink(root, "a").await.unwrap();
    guest.close(fd).await;
    guest.put(stream, b"56789").await.unwrap();
    assert_eq!(used(), 10);
    guest.close_output(stream).await;
    assert_eq!(used(), 0);
}

#[tokio::test]
async fn a_stream_takes_no_more_than_it_has_permitted() {
    for (asks, len, text) in [
        (false, 1, "the guest wrote 1 bytes where 0 were permitted"),
        (true, 65_537, "the guest wrote 65537 bytes where 65536 were permitted"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let quota = within(dir.path(), bytes(1 << 20));
        let mut guest = Guest::new(&quota).await;
        let root = guest.root().await;
        let fd = guest.open(root, "a", CREATE, WRITE).await.unwrap();
        let stream = guest.write_stream(fd, 0).await.unwrap();
        assert_eq!(guest.start_write(stream, b"").await, Ok(()));
        if asks {
            assert_eq!(guest.check_write(stream).await, Ok(65_536));
        }
        let contents = vec![b'x'; len];
        let written = guest
            .try_call::<_, Result<(), StreamError>>("output-write", (stream.borrow(), &*contents))
            .await;
        let error = written.map(|_| ()).unwrap_err();
        assert_eq!(error.root_cause().to_string(), text);
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"");
    }
}
