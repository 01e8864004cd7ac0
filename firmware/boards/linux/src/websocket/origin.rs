//! Whose pages may talk to the device.
//!
//! Any page of the web can open a WebSocket to any address that its reader's machine reaches. The browser only tells, in the header
//! `Origin`, whose page it is (RFC 6454); whether to answer is for the device to decide. A program that is no browser can send any
//! origin or none, so this keeps out pages and not programs.

use std::{fmt, net::IpAddr, str::FromStr};

use tungstenite::http::{HeaderMap, Uri, header::ORIGIN};

/// The origin of a page: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: &'static str,
    host: String,
    port: u16,
}

/// Port of a scheme where none is written.
fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "an origin is a scheme, a host and perhaps a port, such as https://example.org or http://pi:8000".to_owned()
        };
        if text.eq_ignore_ascii_case("null") {
            return Err("any site can make a page with the origin null".into());
        }
        let uri = Uri::from_str(text).map_err(|_| wrong())?;
        let scheme = match uri.scheme_str() {
            Some("http") => "http",
            Some("https") => "https",
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?;
        let (host, port) = (authority.host(), authority.port_u16());
        // Nothing but host and port: no user, and no port that is none.
        let written = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if host.is_empty() || authority.as_str() != written || uri.path() != "/" || uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Self { scheme, host: host.to_ascii_lowercase(), port: port.unwrap_or(default_port(scheme)) })
    }
}

impl fmt::Display for Origin {
    /// As browsers send it: without a port that is the scheme's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        if *port == default_port(scheme) {
            write!(f, "{scheme}://{host}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

impl Origin {
    /// Whether a program of the machine that the browser runs on serves the page.
    fn is_loopback(&self) -> bool {
        self.scheme == "http" && ["localhost", "127.0.0.1", "[::1]"].contains(&&*self.host)
    }
}

/// Why a host is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A page whose origin is not among those that are let in.
    Origin(Origin),
    /// A page without an origin of its own: a file, or a frame in a sandbox; or one that no browser sends.
    NoOrigin,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Origin(origin) => write!(f, "a page of {origin} was refused; --allow-origin {origin} lets it in"),
            Refused::NoOrigin => write!(
                f,
                "a page without an origin, such as a file, was refused; open it from a server, as of `host-trainer page`"
            ),
        }
    }
}

/// Whether a host may put models on the device, if it is let in at all: a page of this machine or of an origin in `allowed`, or a
/// program of this machine. From elsewhere, whoever sends no origin may not.
pub fn may_upload(headers: &HeaderMap, peer: IpAddr, allowed: &[Origin]) -> Result<bool, Refused> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = match (origins.next(), origins.next()) {
        (None, _) => return Ok(peer.to_canonical().is_loopback()),
        (Some(origin), None) => origin.to_str().ok().and_then(|text| text.parse::<Origin>().ok()),
        (Some(_), Some(_)) => None,
    };
    let origin = origin.ok_or(Refused::NoOrigin)?;
    if origin.is_loopback() || allowed.contains(&origin) { Ok(true) } else { Err(Refused::Origin(origin)) }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tungstenite::http::HeaderValue;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

    fn asked(origins: &[&str], peer: IpAddr, allowed: &[&str]) -> Result<bool, Refused> {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(ORIGIN, HeaderValue::from_str(origin).expect("a header"));
        }
        let allowed: Vec<_> = allowed.iter().map(|text| text.parse().expect("an origin")).collect();
        may_upload(&headers, peer, &allowed)
    }

    #[test]
    fn pages_of_this_machine_are_let_in_at_any_port() {
        let pages =
            ["http://localhost", "http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]", "http://[::1]:81"];
        for origin in pages {
            for peer in [HERE, ELSEWHERE] {
                assert_eq!(asked(&[origin], peer, &[]), Ok(true), "{origin}");
            }
        }
    }

    #[test]
    fn programs_are_let_in_and_upload_from_this_machine_only() {
        assert_eq!(asked(&[], HERE, &[]), Ok(true));
        assert_eq!(asked(&[], IpAddr::V6(Ipv6Addr::LOCALHOST), &[]), Ok(true));
        assert_eq!(asked(&[], IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()), &[]), Ok(true));
        assert_eq!(asked(&[], ELSEWHERE, &[]), Ok(false));
    }

    #[test]
    fn pages_of_other_sites_are_refused_by_name() {
        let sites = [
            "http://example.org",
            "https://example.org:8443",
            "https://localhost",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://127.0.0.2",
            "http://notlocalhost:8000",
        ];
        for site in sites {
            let refused = asked(&[site], HERE, &["http://example.org:81"]).expect_err(site);
            assert_eq!(refused.to_string(), format!("a page of {site} was refused; --allow-origin {site} lets it in"));
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        let none = [
            "null",
            "",
            "localhost",
            "file:///home/page.html",
            "http://localhost@example.org",
            "http://example.org@localhost",
            "http://localhost:x",
            "http://localhost:99999",
            "http://localhost:",
            "http://localhost/page",
            "http://localhost?http://localhost",
            "http://localhost http://example.org",
            "http://",
        ];
        for text in none {
            assert_eq!(asked(&[text], HERE, &[]), Err(Refused::NoOrigin), "{text}");
            text.parse::<Origin>().expect_err(text);
        }
        assert_eq!(asked(&["http://localhost", "http://example.org"], HERE, &[]), Err(Refused::NoOrigin), "one only");
    }

    #[test]
    fn an_origin_that_is_named_is_let_in_however_it_is_written() {
        for named in ["https://Example.org", "https://example.org/", "https://example.org:443"] {
            assert_eq!(asked(&["https://example.org"], ELSEWHERE, &[named]), Ok(true), "{named}");
            asked(&["http://example.org"], ELSEWHERE, &[named]).expect_err("another scheme");
            asked(&["https://example.org:8443"], ELSEWHERE, &[named]).expect_err("another port");
        }
        assert_eq!(asked(&["http://pi:8000"], ELSEWHERE, &["https://example.org", "http://pi:8000"]), Ok(true));
    }
}
