//! The guest's end of an output pipe.

use std::pin::pin;

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::stdio::output_pipe::{CAPACITY, OutputPipe, PERMIT, append};
use crate::stdio::terminal::sanitize;

impl IsTerminal for OutputPipe {
    /// Returns false even on a terminal: the pipe replaces characters that control one.
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for OutputPipe {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Used by WASI 0.3 only, which is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(GuestWriter { pipe: self.clone(), permit: 0 })
    }
}

/// A stream through which a guest writes.
struct GuestWriter {
    pipe: OutputPipe,
    permit: usize,
}

#[async_trait]
impl Pollable for GuestWriter {
    async fn ready(&mut self) {
        loop {
            let mut news = pin!(self.pipe.shared.room.notified());
            // Registered before the check, so that no wake-up falls between the two.
            news.as_mut().enable();
            {
                let state = self.pipe.shared.state();
                if state.refuses_guests() || state.waiting.len() < CAPACITY {
                    return;
                }
            }
            news.await;
        }
    }
}

#[async_trait]
impl OutputStream for GuestWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > self.permit {
            return Err(StreamError::Trap(wasmtime::format_err!(
                "the guest wrote {} bytes where {} were permitted",
                bytes.len(),
                self.permit
            )));
        }
        self.permit -= bytes.len();
        if bytes.is_empty() {
            return Ok(());
        }
        let mut state = self.pipe.shared.state();
        if state.refuses_guests() {
            return Err(StreamError::Closed);
        }
        if self.pipe.is_terminal {
            let sanitized = sanitize(&bytes, &mut state.split);
            append(&mut state, &sanitized);
        } else {
            append(&mut state, &bytes);
        }
        drop(state);
        self.pipe.shared.filled.notify_one();
        Ok(())
    }

    /// Does nothing: bytes in the pipe count as flushed, or a stalled reader would block every
    /// guest that flushes.
    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let state = self.pipe.shared.state();
        if state.refuses_guests() {
            return Err(StreamError::Closed);
        }
        self.permit = CAPACITY.saturating_sub(state.waiting.len()).min(PERMIT);
        Ok(self.permit)
    }
}

#[cfg(test)]
mod tests {
    use crate::stdio::output_pipe::tests::{Gated, Kept, PATIENCE};
    use crate::stdio::output_pipe::{CAPACITY, Drained, OutputPipe, PERMIT, STEP};
    use bytes::Bytes;
    use core::time::Duration;
    use limits_core::is_hidden;
    use std::sync::mpsc;
    use wasmtime_wasi::cli::StdoutStream as _;
    use wasmtime_wasi::p2::StreamError;

    #[tokio::test]
    async fn what_goes_in_comes_out_in_order() {
        let kept = Kept::default();
        let pipe = OutputPipe::new("test", false, kept.clone()).unwrap();
        let mut stream = pipe.p2_stream();
        stream.blocking_write_and_flush(Bytes::from_static(b"guest")).await.unwrap();
        pipe.push("ours");
        pipe.push("and ours\n");
        assert_eq!(pipe.finish(PATIENCE), Drained::All);
        assert_eq!(*kept.0.lock().unwrap(), b"guest\nours\nand ours\n");
    }

    #[tokio::test]
    async fn a_full_pipe_makes_the_guest_wait_as_a_future_and_room_wakes_it() {
        // I1
        let (step, gate) = mpsc::channel();
        let kept = Kept::default();
        let pipe = OutputPipe::new("test", false, Gated(gate, kept.clone())).unwrap();
        let mut stream = pipe.p2_stream();
        let mut written = 0;
        loop {
            let permit = stream.check_write().unwrap();
            if permit == 0 {
                break;
            }
            assert!(permit <= PERMIT);
            stream.write(Bytes::from(vec![b'x'; permit])).unwrap();
            written += permit;
        }
        // The bytes of the thread and those that wait behind them.
        assert!((CAPACITY..=2 * CAPACITY).contains(&written), "{written}");
        let mut waiting = std::pin::pin!(stream.ready());
        assert!(
            core::future::poll_fn(|cx| core::task::Poll::Ready(waiting.as_mut().poll(cx)))
                .await
                .is_pending()
        );
        let feeder = std::thread::spawn(move || while step.send(()).is_ok() {});
        waiting.await;
        assert_eq!(pipe.finish(PATIENCE), Drained::All);
        drop(pipe);
        assert_eq!(kept.0.lock().unwrap().len(), written);
        drop(feeder);
    }

    #[test]
    fn many_streams_together_overfill_the_pipe_by_one_permit_each_and_no_more() {
        // I2
        let (_step, gate) = mpsc::channel();
        let pipe = OutputPipe::new("test", false, Gated(gate, Kept::default())).unwrap();
        let mut streams: Vec<_> = (0..10).map(|_| pipe.p2_stream()).collect();
        let mut written = 0;
        loop {
            let permits: Vec<usize> =
                streams.iter_mut().map(|stream| stream.check_write().unwrap()).collect();
            if permits.iter().all(|&permit| permit == 0) {
                break;
            }
            for (stream, permit) in streams.iter_mut().zip(permits) {
                stream.write(Bytes::from(vec![b'x'; permit])).unwrap();
                written += permit;
            }
        }
        assert!(written > 2 * PERMIT);
        assert!(written <= 2 * (CAPACITY + streams.len() * PERMIT), "{written}");
    }

    #[tokio::test]
    async fn a_guest_writes_nothing_behind_a_report() {
        // I3
        for seal in [OutputPipe::seal, |pipe: &OutputPipe| pipe.push("report\n")] {
            let kept = Kept::default();
            let pipe = OutputPipe::new("test", false, kept.clone()).unwrap();
            let mut stream = pipe.p2_stream();
            stream.blocking_write_and_flush(Bytes::from_static(b"before\n")).await.unwrap();
            // This stream has a permit from before.
            let mut permitted = pipe.p2_stream();
            assert!(permitted.check_write().unwrap() > 0);
            seal(&pipe);
            let forged = Bytes::from_static(b"{\"outcome\":\"success\"}\n");
            assert!(matches!(permitted.write(forged.clone()), Err(StreamError::Closed)));
            assert!(matches!(stream.check_write(), Err(StreamError::Closed)));
            let late = pipe.p2_stream().blocking_write_and_flush(forged).await;
            assert!(matches!(late, Err(StreamError::Closed)));
            pipe.push("last\n");
            assert_eq!(pipe.finish(PATIENCE), Drained::All);
            let written = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert!(matches!(&*written, "before\nlast\n" | "before\nreport\nlast\n"), "{written}");
        }
    }

    #[tokio::test]
    async fn a_guest_that_waits_for_room_is_let_go_when_its_stream_closes() {
        // I3
        let (_step, gate) = mpsc::channel();
        let pipe = OutputPipe::new("test", false, Gated(gate, Kept::default())).unwrap();
        let mut stream = pipe.p2_stream();
        while let permit @ 1.. = stream.check_write().unwrap() {
            stream.write(Bytes::from(vec![b'x'; permit])).unwrap();
        }
        let ((), ()) = tokio::join!(stream.ready(), async { pipe.seal() });
        assert!(matches!(stream.check_write(), Err(StreamError::Closed)));
    }

    #[test]
    fn output_that_is_given_up_does_not_come_later() {
        let (step, gate) = mpsc::channel();
        let kept = Kept::default();
        let pipe = OutputPipe::new("test", false, Gated(gate, kept.clone())).unwrap();
        let mut stream = pipe.p2_stream();
        let permit = stream.check_write().unwrap();
        stream.write(Bytes::from(vec![b'x'; permit])).unwrap();
        pipe.settle(Duration::from_millis(20));
        while step.send(()).is_ok() {}
        assert!(matches!(pipe.finish(PATIENCE), Drained::Lost(_)));
        // One step was on its way to the system when the reader came back.
        assert!(kept.0.lock().unwrap().len() <= STEP);
    }

    #[test]
    fn a_reader_that_left_closes_the_guests_stream() {
        let (step, gate) = mpsc::channel();
        drop(step);
        let pipe = OutputPipe::new("test", false, Gated(gate, Kept::default())).unwrap();
        let mut stream = pipe.p2_stream();
        pipe.push("no reader");
        assert_eq!(pipe.finish(PATIENCE), Drained::ReaderLeft);
        assert!(matches!(stream.check_write(), Err(StreamError::Closed)));
    }

    #[test]
    fn a_write_without_a_permit_traps_and_an_empty_one_is_dropped() {
        let pipe = OutputPipe::new("test", false, Kept::default()).unwrap();
        let mut stream = pipe.p2_stream();
        stream.write(Bytes::new()).unwrap();
        let error = stream.write(Bytes::from_static(b"x")).unwrap_err();
        assert_eq!(error.to_string(), "trap: the guest wrote 1 bytes where 0 were permitted");
    }

    #[tokio::test]
    async fn a_guest_cannot_drive_a_terminal_but_we_can() {
        let kept = Kept::default();
        let pipe = OutputPipe::new("test", true, kept.clone()).unwrap();
        let mut stream = pipe.p2_stream();
        stream.blocking_write_and_flush(Bytes::from_static(b"\x1b[2J\n")).await.unwrap();
        pipe.push("\x1b[1mours\x1b[0m\n");
        assert_eq!(pipe.finish(PATIENCE), Drained::All);
        assert_eq!(*kept.0.lock().unwrap(), b"?[2J\n\x1b[1mours\x1b[0m\n");
    }

    #[tokio::test]
    async fn every_hidden_character_of_a_guest_is_replaced_on_a_terminal() {
        let kept = Kept::default();
        let pipe = OutputPipe::new("test", true, kept.clone()).unwrap();
        let mut stream = pipe.p2_stream();
        let hidden = ('\0'..=char::MAX).filter(|c| is_hidden(*c) && !"\n\r\t".contains(*c));
        let hidden: Vec<char> = hidden.collect();
        for some in hidden.chunks(1_000) {
            let bytes = Bytes::from(some.iter().collect::<String>());
            stream.blocking_write_and_flush(bytes).await.unwrap();
        }
        assert_eq!(pipe.finish(PATIENCE), Drained::All);
        assert_eq!(*kept.0.lock().unwrap(), vec![b'?'; hidden.len()]);
    }
}
