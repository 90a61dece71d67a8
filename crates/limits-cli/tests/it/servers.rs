//! Servers on loopback, each on a port of its own, until the tests end.

use core::net::Ipv4Addr;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The response of the HTTP servers, head and body.
pub(crate) const RESPONSE: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello";

/// Starts a server that does something with each connection, and returns its port.
fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Sends back what comes by TCP.
pub(crate) fn tcp_echo() -> u16 {
    listen(|mut stream| {
        let mut bytes = [0; 4_096];
        while let Ok(count @ 1..) = stream.read(&mut bytes) {
            if stream.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    })
}

/// Accepts connections and says nothing.
pub(crate) fn silent() -> u16 {
    listen(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    })
}

/// Sends back what comes by UDP.
pub(crate) fn udp_echo() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut bytes = [0; 4_096];
        while let Ok((count, peer)) = socket.recv_from(&mut bytes) {
            let _ = socket.send_to(&bytes[..count], peer);
        }
    });
    port
}

/// Answers each request, of which it reads the head, with [`RESPONSE`].
pub(crate) fn http() -> u16 {
    listen(answer)
}

/// The same over TLS. Returns the port, and its certificate for `localhost` in PEM.
pub(crate) fn https() -> (u16, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([String::from("localhost")]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let port = listen(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        answer(StreamOwned::new(connection, stream));
    });
    (port, cert.pem())
}

fn answer(mut stream: impl Read + Write) {
    let mut head = Vec::new();
    let mut byte = [0];
    while let Ok(1) = stream.read(&mut byte) {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            if stream.write_all(RESPONSE.as_bytes()).and_then(|()| stream.flush()).is_err() {
                return;
            }
        }
    }
}
