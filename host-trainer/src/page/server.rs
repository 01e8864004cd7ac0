//! A server for the files of the page, and for nothing else: it reads no file while it runs.

use std::{
    convert::Infallible,
    future::ready,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Bytes,
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{runtime, time::sleep};

use super::{File, policy};

/// Between two tries to accept a connection after one that failed, as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A browser sends a request within this time, or its connection is closed.
const PATIENCE: Duration = Duration::from_secs(30);

/// By which names browsers reach the page. One that comes by another was told by somebody else's name server that this machine is his
/// (DNS rebinding).
#[derive(Clone, Debug)]
pub struct Hosts {
    address: IpAddr,
    /// As the user wrote it.
    name: String,
}

impl Hosts {
    /// The names of a server at an address, which the user may have given by its name, with its port.
    pub fn new(address: SocketAddr, written: &str) -> Self {
        Self { address: address.ip(), name: without_port(written).to_ascii_lowercase() }
    }

    /// Whether the header `Host` of a request names the server: `localhost`, its address, or its name, whichever port: it may be
    /// another one where the connection was forwarded. A server at every address is reached at any.
    fn contain(&self, host: &str) -> bool {
        let host = without_port(host).to_ascii_lowercase();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        match literal {
            Ok(address) => self.address.is_unspecified() || address == self.address,
            Err(_) => host == "localhost" || (host == self.name && !host.is_empty()),
        }
    }
}

/// A host without the port after it.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => host,
    }
}

/// Serves the page until the process ends.
///
/// # Errors
/// The system's error, if it lets nobody wait for connections.
pub fn serve(listener: TcpListener, hosts: Hosts) -> io::Result<Infallible> {
    let pages = Arc::new(Pages { hosts, policy: HeaderValue::try_from(policy()).map_err(io::Error::other)? });
    runtime::Builder::new_current_thread().enable_io().enable_time().build()?.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            let pages = pages.clone();
            tokio::spawn(async move {
                let answer = |request| ready(Ok::<_, Infallible>(pages.answer(&request)));
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                // A browser that went away is no fault.
                let _ = server.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
            });
        }
    })
}

/// What answers are made of.
#[derive(Debug)]
struct Pages {
    hosts: Hosts,
    policy: HeaderValue,
}

impl Pages {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let file = File::at(request.uri().path());
        let known = host.is_some_and(|host| self.hosts.contain(host));
        let (status, media_type, bytes) = match (known, request.method(), file) {
            (false, ..) => words(
                StatusCode::MISDIRECTED_REQUEST,
                "The page is not at this address; open the one that host-trainer page prints\n",
            ),
            (true, &Method::GET | &Method::HEAD, Some(file)) => {
                (StatusCode::OK, file.media_type(), Bytes::from_static(file.bytes))
            }
            (true, &Method::GET | &Method::HEAD, None) => words(StatusCode::NOT_FOUND, "There is no such file\n"),
            (true, ..) => words(StatusCode::METHOD_NOT_ALLOWED, "Files are only read here\n"),
        };
        let mut response = Response::new(Full::new(bytes));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        // Of two versions of the program, one after the other at the same address, no files are mixed.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

fn words(status: StatusCode, words: &'static str) -> (StatusCode, &'static str, Bytes) {
    (status, "text/plain; charset=utf-8", Bytes::from_static(words.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_goes_by_localhost_its_address_and_the_name_that_it_was_given() {
        let at = |address: &str, written| Hosts::new(address.parse().expect("an address"), written);
        let cases = [
            (at("127.0.0.1:8000", "127.0.0.1:8000"), "127.0.0.1:8000", true),
            (at("127.0.0.1:8000", "127.0.0.1:8000"), "127.0.0.1", true),
            (at("127.0.0.1:8000", "127.0.0.1:8000"), "localhost:9000", true),
            (at("127.0.0.1:8000", "127.0.0.1:8000"), "LocalHost:8000", true),
            (at("127.0.0.1:8000", "127.0.0.1:8000"), "example.org:8000", false),
            (at("127.0.0.1:8000", "127.0.0.1:8000"), "127.0.0.1.example.org:8000", false),
            (at("127.0.0.1:8000", "127.0.0.1:8000"), "192.0.2.1:8000", false),
            (at("127.0.0.1:8000", "127.0.0.1:8000"), "", false),
            (at("127.0.0.1:8000", "127.0.0.1:8000"), ":8000", false),
            (at("[::1]:8000", "[::1]:8000"), "[::1]:8000", true),
            (at("[::1]:8000", "[::1]:8000"), "[::1]", true),
            (at("[::1]:8000", "[::1]:8000"), "[::2]:8000", false),
            (at("127.0.1.1:8000", "laptop:8000"), "laptop:8000", true),
            (at("127.0.1.1:8000", "laptop:8000"), "Laptop:8000", true),
            (at("127.0.1.1:8000", "laptop:8000"), "127.0.1.1:8000", true),
            (at("0.0.0.0:8000", "0.0.0.0:8000"), "192.0.2.1:8000", true),
            (at("0.0.0.0:8000", "0.0.0.0:8000"), "laptop:8000", false),
        ];
        for (hosts, host, expected) in cases {
            assert_eq!(hosts.contain(host), expected, "{host} of {hosts:?}");
        }
    }
}
