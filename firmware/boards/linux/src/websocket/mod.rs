//! A WebSocket with one host at a time: whoever connects last.
//!
//! Its messages carry the bytes of the serial link, for pages in a browser. A host takes over once it has been let in, so what is refused,
//! or never says what it wants, disturbs nobody.

#![allow(clippy::result_large_err, reason = "the answer to a request is what tungstenite takes")]

mod link;
mod origin;

use std::{
    io::{Write, stderr},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use tungstenite::{
    Error, HandshakeError, accept_hdr_with_config,
    handshake::server::{ErrorResponse, Request, Response},
    http::{
        HeaderValue, StatusCode,
        header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE},
    },
    protocol::WebSocketConfig,
};

use self::link::{Connection, Ending, Incoming, MOST_BYTES, Outgoing, linger, split};
pub use self::origin::Origin;
use crate::tcp::PAUSE;

/// A host has so long to say what it wants.
const GREETING: Duration = Duration::from_secs(5);

/// Most connections that have not said yet what they want; others are closed.
const MOST_GREETING: usize = 32;

/// What a program is told that speaks no WebSocket.
const NO_WEBSOCKET: &str =
    "This is the WebSocket of a facial expression recognizer. Its page connects to it: host-trainer page\n";

/// A host that was let in.
#[derive(Debug)]
pub struct Host {
    /// Where it is.
    pub address: SocketAddr,
    /// Whether it may put models on the device.
    pub uploads: bool,
    /// What it sends.
    pub incoming: Incoming,
    /// What it is sent.
    pub outgoing: Outgoing,
}

/// The host at present, and who waits for the next.
#[derive(Debug)]
struct Place {
    /// The number of its connection, and how it is ended.
    current: Option<(usize, Ending)>,
    arrived: Sender<Host>,
}

impl Place {
    /// Gives the place to a host that was let in, unless one that connected later has it: greetings take different times.
    fn take(&mut self, number: usize, host: Host, ending: Ending) {
        if self.current.as_ref().is_some_and(|(newest, _)| *newest > number) {
            return ending.replace();
        }
        if let Some((_, before)) = self.current.replace((number, ending)) {
            before.replace();
        }
        // Nobody waits when the program ends.
        let _ = self.arrived.send(host);
    }
}

/// Hosts that were let in, each once the one before it is gone. `allowed` are the origins whose pages are let in, beside those of this
/// machine. Threads of their own wait for hosts and greet them.
pub fn hosts(listener: TcpListener, allowed: Vec<Origin>) -> Receiver<Host> {
    let (arrived, hosts) = channel();
    let place = Arc::new(Mutex::new(Place { current: None, arrived }));
    let allowed = Arc::new(allowed);
    thread::spawn(move || {
        for number in 0.. {
            let Ok((stream, address)) = listener.accept() else {
                thread::sleep(PAUSE);
                continue;
            };
            // Whoever greets holds one more.
            if Arc::strong_count(&allowed) > MOST_GREETING {
                continue;
            }
            let (place, allowed) = (place.clone(), allowed.clone());
            thread::spawn(move || {
                let Some((host, ending)) = greet(stream, address, &allowed) else { return };
                place.lock().unwrap_or_else(PoisonError::into_inner).take(number, host, ending);
            });
        }
    });
    hosts
}

/// Lets a host in, or tells it why not.
fn greet(stream: TcpStream, address: SocketAddr, allowed: &[Origin]) -> Option<(Host, Ending)> {
    let until = Instant::now() + GREETING;
    let answers = stream.try_clone().ok()?;
    // Each answer leaves at once.
    stream.set_nodelay(true).ok()?;
    let connection = Connection::new(stream, until).ok()?;
    let config = WebSocketConfig::default()
        .read_buffer_size(MOST_BYTES)
        .max_message_size(Some(MOST_BYTES))
        .max_frame_size(Some(MOST_BYTES));
    let mut uploads = false;
    let check = |request: &Request, response: Response| {
        uploads = check(request, address, allowed)?;
        Ok(response)
    };
    let greeted = accept_hdr_with_config(connection, check, Some(config));
    match greeted {
        Ok(socket) => {
            let (incoming, outgoing, ending) = split(socket).ok()?;
            Some((Host { address, uploads, incoming, outgoing }, ending))
        }
        // It was told by the check, or is gone, or said nothing for too long.
        Err(HandshakeError::Failure(Error::Http(_) | Error::Io(_)) | HandshakeError::Interrupted(_)) => {
            linger(&answers);
            None
        }
        Err(HandshakeError::Failure(_)) => {
            let _ = write!(
                &answers,
                "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
                 Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{NO_WEBSOCKET}",
                NO_WEBSOCKET.len()
            );
            linger(&answers);
            None
        }
    }
}

/// Whether a request is let in: whether its host may upload, or the answer that turns it away.
fn check(request: &Request, address: SocketAddr, allowed: &[Origin]) -> Result<bool, ErrorResponse> {
    if request.uri().path() != "/" {
        return Err(answer(StatusCode::NOT_FOUND, "The device is at the path /\n".into()));
    }
    origin::may_upload(request.headers(), address.ip(), allowed).map_err(|refused| {
        // A browser does not show the answer to the page, nor to its reader.
        let _ = writeln!(stderr(), "{address}: {refused}");
        answer(StatusCode::FORBIDDEN, format!("{refused}\n"))
    })
}

fn answer(status: StatusCode, words: String) -> ErrorResponse {
    let mut answer = ErrorResponse::new(None);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, words.len().into());
    *answer.body_mut() = Some(words);
    answer
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use tungstenite::{Message, client};

    use super::*;

    #[test]
    fn a_newcomer_ends_a_link_that_waits_for_a_host_that_reads_no_more() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let hosts = hosts(listener, Vec::new());
        let connect = || {
            let stream = TcpStream::connect(address).expect("accepted");
            client(format!("ws://{address}"), stream).expect("let in").0
        };
        let _lost = connect();
        let mut lost = hosts.recv().expect("the first");
        let writer = thread::spawn(move || {
            let full = [0; 1 << 16];
            // Blocks once the lost host's buffers are full, until the connection is closed.
            while lost.outgoing.write_all(&full).is_ok() {}
            lost.incoming.read(&mut [0])
        });
        let mut newcomer = connect();
        let mut host = hosts.recv().expect("the second");
        assert_eq!(host.address, newcomer.get_ref().local_addr().expect("connected"));
        let end = writer.join().expect("the first link is over");
        assert_eq!(end.expect("no fault"), 0);
        host.outgoing.write_all(b"hel").expect("taken");
        host.outgoing.write_all(b"lo").expect("taken");
        host.outgoing.flush().expect("the second is open");
        assert_eq!(newcomer.read().expect("answered"), Message::binary(&b"hello"[..]), "one message a flush");
    }
}
