//! Changes, published to an MQTT broker.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

use rumqttc::{
    Client, ConnectReturnCode, Connection, ConnectionError, Event, LastWill, MqttOptions, Outgoing, Packet, QoS,
};

/// What the broker publishes when the program is gone, and the program itself at its end.
const OFFLINE: &str = "offline";

/// A broker answers within this.
const PATIENCE: Duration = Duration::from_secs(5);

/// The port that brokers listen on.
const PORT: u16 = 1883;

/// From a loss of the connection to the next try.
const PAUSE: Duration = Duration::from_secs(1);

/// Requests that wait while there is no connection.
const WAITING: usize = 16;

/// A broker and a topic: `mqtt://USER:PASSWORD@HOST:PORT/TOPIC`.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    credentials: Option<(String, String)>,
    host: String,
    port: u16,
    topic: String,
}

/// Without the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        write!(f, "mqtt://{host}:{}/{}", self.port, self.topic)
    }
}

/// As it is displayed.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why words are no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// MQTT over TLS.
    #[error(
        "mqtts is not spoken here: connect to a broker in your own network with mqtt://, and let that broker forward over TLS \
         (mosquitto does: `bridge_cafile`)"
    )]
    Tls,
    /// Not of the form.
    #[error("an address is written mqtt://USER:PASSWORD@HOST:PORT/TOPIC; user, password and port may be left out")]
    Form,
    /// No topic, or one that cannot be published to.
    #[error(
        "a topic is missing behind the host, or has one of the characters + and #, such as in mqtt://HOST/home/mood"
    )]
    Topic,
    /// A `%` without two hexadecimal digits.
    #[error("a % in an address stands for a character by its code, such as %40 for @; write %25 for % itself")]
    Percent,
}

impl std::str::FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Form)?;
        match scheme.to_ascii_lowercase().as_str() {
            "mqtt" => {}
            "mqtts" | "ssl" | "tls" => return Err(AddressError::Tls),
            _ => return Err(AddressError::Form),
        }
        let (authority, topic) = rest.split_once('/').ok_or(AddressError::Topic)?;
        let (credentials, place) = match authority.rsplit_once('@') {
            Some((credentials, place)) => {
                let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
                (Some((decoded(user)?, decoded(password)?)), place)
            }
            None => (None, authority),
        };
        let (host, port) = host_and_port(place).ok_or(AddressError::Form)?;
        let topic = decoded(topic)?;
        if topic.is_empty() || topic.contains(['+', '#', '\0']) || topic.len() > usize::from(u16::MAX) {
            return Err(AddressError::Topic);
        }
        Ok(Self { credentials, host: host.into(), port, topic })
    }
}

/// `HOST`, `HOST:PORT`, `[::1]` or `[::1]:PORT`.
fn host_and_port(place: &str) -> Option<(&str, u16)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']')?;
            (host, if behind.is_empty() { None } else { Some(behind.strip_prefix(':')?) })
        }
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(PORT), |port| port.parse().ok().filter(|&port| port > 0))?;
    (!host.is_empty() && !host.contains(char::is_whitespace)).then_some((host, port))
}

/// Text in which `%40` stands for `@` (RFC 3986, section 2.1).
fn decoded(text: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                high.zip(low).map(|(high, low)| (16 * high + low) as u8).ok_or(AddressError::Percent)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Percent)
}

/// A broker that cannot be published to.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {problem}")]
pub struct PublishError {
    address: String,
    problem: String,
}

/// Publishes to one topic, as retained messages. Where the connection is lost it is made again, and the newest message is published
/// once more.
pub struct Publisher {
    topic: String,
    client: Client,
    newest: Arc<Mutex<Option<String>>>,
    notices: Receiver<String>,
    ended: Receiver<()>,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Publisher {{ topic: {:?} }}", self.topic)
    }
}

impl Publisher {
    /// Connects, and has the broker publish `offline` when this program is gone.
    ///
    /// # Errors
    /// If no broker answers, or it refuses.
    pub fn connect(address: &Address) -> Result<Self, PublishError> {
        let failed = |problem: String| PublishError { address: address.to_string(), problem };
        let nanoseconds =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
        let mut options =
            MqttOptions::new(format!("fer-{}-{nanoseconds:x}", std::process::id()), &address.host, address.port);
        options.set_keep_alive(Duration::from_secs(15));
        options.set_last_will(LastWill::new(&address.topic, OFFLINE, QoS::AtLeastOnce, true));
        if let Some((user, password)) = &address.credentials {
            options.set_credentials(user, password);
        }
        let (client, mut connection) = Client::new(options, WAITING);
        match connection.recv_timeout(PATIENCE) {
            Ok(Ok(Event::Incoming(Packet::ConnAck(_)))) => {}
            Ok(Err(error)) => return Err(failed(words(&error))),
            Ok(Ok(other)) => {
                return Err(failed(format!("the broker answers {other:?}; is it a broker of MQTT 3.1.1?")));
            }
            Err(_) => return Err(failed("no broker answers there".into())),
        }
        let newest = Arc::new(Mutex::new(None));
        let (notice, notices) = channel();
        let (end, ended) = channel();
        let publisher =
            Self { topic: address.topic.clone(), client: client.clone(), newest: newest.clone(), notices, ended };
        let (topic, shown) = (address.topic.clone(), address.to_string());
        thread::spawn(move || {
            run(&mut connection, &client, &topic, &newest, |words| {
                // Nobody listens at the end.
                let _ = notice.send(format!("{shown}: {words}"));
            });
            let _ = end.send(());
        });
        Ok(publisher)
    }

    /// Publishes a message. Without a connection it is published once there is one again, unless a newer one comes.
    pub fn publish(&self, message: String) {
        // Where too many wait, the newest is published when the connection is there again.
        let _ = publish(&self.client, &self.topic, &message);
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
    }

    /// What happened to the connection since the last call, in words.
    pub fn notices(&self) -> Vec<String> {
        self.notices.try_iter().collect()
    }

    /// Publishes `offline` and closes the connection. Says whether the broker had it all.
    pub fn finish(self) -> bool {
        let sent = publish(&self.client, &self.topic, OFFLINE).is_ok() && self.client.try_disconnect().is_ok();
        sent && !matches!(self.ended.recv_timeout(PATIENCE), Err(RecvTimeoutError::Timeout))
    }
}

fn publish(client: &Client, topic: &str, message: &str) -> Result<(), rumqttc::ClientError> {
    client.try_publish(topic, QoS::AtLeastOnce, true, message)
}

/// Keeps the connection until it is closed on purpose.
fn run(
    connection: &mut Connection,
    client: &Client,
    topic: &str,
    newest: &Mutex<Option<String>>,
    notice: impl Fn(String),
) {
    let mut lost = false;
    for event in connection.iter() {
        match event {
            Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(ConnectionError::RequestsDone) => return,
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                notice("connected again".into());
                lost = false;
                let message = newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Some(message) = message {
                    // The broker had published the last will over it.
                    let _ = publish(client, topic, &message);
                }
            }
            Ok(_) => {}
            Err(error) => {
                if !lost {
                    notice(format!("{}; trying again", words(&error)));
                }
                lost = true;
                thread::sleep(PAUSE);
            }
        }
    }
}

/// What went wrong, for people.
fn words(error: &ConnectionError) -> String {
    use ConnectReturnCode::{BadUserNamePassword, NotAuthorized};
    match error {
        ConnectionError::ConnectionRefused(BadUserNamePassword | NotAuthorized) => {
            "the broker refuses user and password".into()
        }
        ConnectionError::ConnectionRefused(code) => format!("the broker refuses the connection ({code:?})"),
        ConnectionError::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "nothing listens there; is the broker running?".into()
        }
        ConnectionError::Io(error) => error.to_string(),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => "no broker answers there".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<Address, AddressError> {
        text.parse()
    }

    #[test]
    fn addresses_are_read_as_they_are_written() {
        let full = Address {
            credentials: Some(("ann".into(), "p@ss/word".into())),
            host: "broker.local".into(),
            port: 1884,
            topic: "home/mood".into(),
        };
        assert_eq!(address("mqtt://ann:p%40ss%2Fword@broker.local:1884/home/mood"), Ok(full.clone()));
        assert_eq!(
            address("MQTT://ann:p@ss%2fword@broker.local:1884/home/mood"),
            Ok(full.clone()),
            "the last @ counts"
        );
        let short = address("mqtt://127.0.0.1/a").expect("an address");
        assert_eq!(
            (short.credentials, short.host.as_str(), short.port, short.topic.as_str()),
            (None, "127.0.0.1", 1883, "a")
        );
        let six = address("mqtt://[::1]:99/a").expect("an address");
        assert_eq!((six.host.as_str(), six.port, six.to_string()), ("::1", 99, "mqtt://[::1]:99/a".into()));
        let user = address("mqtt://ann@host/a").expect("an address");
        assert_eq!(user.credentials, Some(("ann".into(), String::new())));
        assert!(!format!("{full} {full:?}").contains("ss"), "the password is never shown");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_remedy() {
        for (text, error) in [
            ("mqtts://host/a", AddressError::Tls),
            ("MQTTS://host/a", AddressError::Tls),
            ("host/a", AddressError::Form),
            ("http://host/a", AddressError::Form),
            ("mqtt:///a", AddressError::Form),
            ("mqtt://host:port/a", AddressError::Form),
            ("mqtt://host:0/a", AddressError::Form),
            ("mqtt://host:99999/a", AddressError::Form),
            ("mqtt://[::1/a", AddressError::Form),
            ("mqtt://[::1]x/a", AddressError::Form),
            ("mqtt://a b/a", AddressError::Form),
            ("mqtt://host", AddressError::Topic),
            ("mqtt://host/", AddressError::Topic),
            ("mqtt://host/a/#", AddressError::Topic),
            ("mqtt://host/+/a", AddressError::Topic),
            ("mqtt://100%@host/a", AddressError::Percent),
            ("mqtt://u:%zz@host/a", AddressError::Percent),
            ("mqtt://u:%ff@host/a", AddressError::Percent),
        ] {
            assert_eq!(address(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_port_at_which_nothing_listens_is_named() {
        let free =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let address = address(&format!("mqtt://ann:secret@{free}/a")).expect("an address");
        let error = Publisher::connect(&address).expect_err("nobody is there").to_string();
        assert!(error.contains("is the broker running?") && error.contains(&free.to_string()), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
