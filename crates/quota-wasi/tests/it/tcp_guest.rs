//! The TCP calls of a guest, whose resources are this crate's or wasmtime-wasi's.

use core::net::SocketAddr;

use wasmtime::component::{Resource, ResourceAny};
use wasmtime_wasi::p2::bindings::io::streams::StreamError;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};

use wasmtime_wasi::p2::bindings::sockets::tcp::ShutdownType;

use crate::guest::Guest;
use crate::network::Answered;

/// A connection as its guest has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) socket: ResourceAny,
    pub(crate) input: ResourceAny,
    pub(crate) output: ResourceAny,
}

/// The failure of a stream; the text is that which the guest reads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Cut {
    Closed,
    Failed(String),
}

/// Shutting down what is sent.
pub(crate) const SEND: ShutdownType = ShutdownType::Send;

/// An answer of a stream.
pub(crate) type Streamed<T> = Result<T, Cut>;

impl Guest {
    pub(crate) async fn tcp_socket(&mut self) -> Answered<ResourceAny> {
        self.tcp_socket_of(IpAddressFamily::Ipv4).await
    }

    pub(crate) async fn tcp_socket_of(&mut self, family: IpAddressFamily) -> Answered<ResourceAny> {
        self.call("create-tcp-socket", (family,)).await
    }

    /// A call on a socket with the network and an address.
    pub(crate) async fn tcp_to(
        &mut self,
        call: &str,
        socket: ResourceAny,
        address: SocketAddr,
    ) -> Answered<()> {
        let network = self.network().await;
        let address = IpSocketAddress::from(address);
        let answer = self.call(call, (socket, network, address)).await;
        self.drop_any(network).await;
        answer
    }

    /// A call on a socket with nothing more.
    pub(crate) async fn tcp_do(&mut self, call: &str, socket: ResourceAny) -> Answered<()> {
        self.call(call, (socket,)).await
    }

    pub(crate) async fn tcp_get<T>(&mut self, call: &str, socket: ResourceAny) -> Answered<T>
    where
        (Answered<T>,): wasmtime::component::ComponentNamedList
            + wasmtime::component::Lift
            + Send
            + Sync
            + 'static,
    {
        self.call(call, (socket,)).await
    }

    pub(crate) async fn tcp_set<V>(
        &mut self,
        call: &str,
        socket: ResourceAny,
        value: V,
    ) -> Answered<()>
    where
        (ResourceAny, V):
            wasmtime::component::ComponentNamedList + wasmtime::component::Lower + Send + Sync,
    {
        self.call(call, (socket, value)).await
    }

    pub(crate) async fn tcp_address(
        &mut self,
        call: &str,
        socket: ResourceAny,
    ) -> Answered<SocketAddr> {
        Ok(self.tcp_get::<IpSocketAddress>(call, socket).await?.into())
    }

    /// Connects as programs do, and keeps the socket of a failure open.
    pub(crate) async fn connect_on(
        &mut self,
        socket: ResourceAny,
        to: SocketAddr,
    ) -> Answered<Line> {
        self.tcp_to("tcp-start-connect", socket, to).await?;
        loop {
            let call = "tcp-finish-connect";
            match self.tcp_get::<(ResourceAny, ResourceAny)>(call, socket).await {
                Ok((input, output)) => return Ok(Line { socket, input, output }),
                Err(ErrorCode::WouldBlock) => self.wait_on("tcp-subscribe", socket).await,
                Err(code) => return Err(code),
            }
        }
    }

    pub(crate) async fn connect(&mut self, to: SocketAddr) -> Answered<Line> {
        let socket = self.tcp_socket().await?;
        let connected = self.connect_on(socket, to).await;
        if connected.is_err() {
            self.drop_any(socket).await;
        }
        connected
    }

    /// Binds to a port of the loopback, and listens.
    pub(crate) async fn listen(&mut self) -> Answered<(ResourceAny, SocketAddr)> {
        let socket = self.tcp_socket().await?;
        self.tcp_to("tcp-start-bind", socket, "127.0.0.1:0".parse().unwrap()).await?;
        self.tcp_do("tcp-finish-bind", socket).await?;
        self.tcp_do("tcp-start-listen", socket).await?;
        self.tcp_do("tcp-finish-listen", socket).await?;
        let address = self.tcp_address("tcp-local-address", socket).await?;
        Ok((socket, address))
    }

    pub(crate) async fn try_accept(&mut self, socket: ResourceAny) -> Answered<Line> {
        let accepted = self.tcp_get("tcp-accept", socket).await;
        accepted.map(|(socket, input, output)| Line { socket, input, output })
    }

    /// Accepts as programs do.
    pub(crate) async fn accept(&mut self, socket: ResourceAny) -> Answered<Line> {
        loop {
            match self.try_accept(socket).await {
                Err(ErrorCode::WouldBlock) => self.wait_on("tcp-subscribe", socket).await,
                accepted => return accepted,
            }
        }
    }

    pub(crate) async fn hang_up(&mut self, line: Line) {
        self.drop_any(line.input).await;
        self.drop_any(line.output).await;
        self.drop_any(line.socket).await;
    }

    pub(crate) async fn hear(&mut self, line: Line, most: u64) -> Streamed<Vec<u8>> {
        let read = self.call("input-blocking-read", (line.input, most)).await;
        self.uncut(read).await
    }

    pub(crate) async fn hear_now(&mut self, line: Line, most: u64) -> Streamed<Vec<u8>> {
        let read = self.call("input-read", (line.input, most)).await;
        self.uncut(read).await
    }

    /// Reads to the end.
    pub(crate) async fn hear_all(&mut self, line: Line) -> Streamed<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            match self.hear(line, 65_536).await {
                Ok(bytes) => all.extend(bytes),
                Err(Cut::Closed) => return Ok(all),
                Err(failed) => return Err(failed),
            }
        }
    }

    /// Writes and waits, in parts of 4 KiB, as the adapter of WASI preview 1 does.
    pub(crate) async fn say(&mut self, line: Line, bytes: &[u8]) -> Streamed<()> {
        for part in bytes.chunks(4_096) {
            let written: Result<(), StreamError> =
                self.call("blocking-write-and-flush", (line.output, part)).await;
            self.uncut(written).await?;
        }
        Ok(())
    }

    pub(crate) async fn room(&mut self, line: Line) -> Streamed<u64> {
        let room = self.call("check-write", (line.output,)).await;
        self.uncut(room).await
    }

    /// Writes without waiting; the room must be there.
    pub(crate) async fn say_now(&mut self, line: Line, bytes: &[u8]) -> Streamed<()> {
        let written: Result<(), StreamError> =
            self.call("output-write", (line.output, bytes)).await;
        self.uncut(written).await
    }

    /// Writes zeros without waiting; the room must be there.
    pub(crate) async fn say_zeros(&mut self, line: Line, count: u64) -> Streamed<()> {
        let written: Result<(), StreamError> =
            self.call("write-zeroes", (line.output, count)).await;
        self.uncut(written).await
    }

    /// Writes as much as there is room for, as wasi-libc does, and waits until there is some.
    pub(crate) async fn say_some(&mut self, line: Line, bytes: &[u8]) -> Streamed<usize> {
        loop {
            let room = usize::try_from(self.room(line).await?).unwrap();
            if room > 0 {
                let part = &bytes[..room.min(bytes.len())];
                self.say_now(line, part).await?;
                return Ok(part.len());
            }
            self.wait_on("output-subscribe", line.output).await;
        }
    }

    pub(crate) async fn flush_sent(&mut self, line: Line) -> Streamed<()> {
        let flushed: Result<(), StreamError> = self.call("blocking-flush", (line.output,)).await;
        self.uncut(flushed).await
    }

    pub(crate) async fn splice_line(&mut self, line: Line, most: u64) -> Streamed<u64> {
        let moved = self.call("splice", (line.output, line.input, most)).await;
        self.uncut(moved).await
    }

    async fn uncut<T>(&mut self, result: Result<T, StreamError>) -> Streamed<T> {
        match result {
            Ok(value) => Ok(value),
            Err(StreamError::Closed) => Err(Cut::Closed),
            Err(StreamError::LastOperationFailed(error)) => {
                let borrowed = Resource::<wasmtime::Error>::new_borrow(error.rep());
                let text = self.call("to-debug-string", (borrowed,)).await;
                Err(Cut::Failed(text))
            }
        }
    }
}
