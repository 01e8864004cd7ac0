//! A TCP port with one host at a time: whoever comes last.
//!
//! A host that loses its network never says goodbye. So a newcomer takes over: the connection before it is closed, and its
//! device with it, even if that was waiting for the lost host to take what it wrote.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

/// Between two tries to accept a connection after one that failed, as for want of file descriptors.
pub const PAUSE: Duration = Duration::from_millis(100);

/// Connections, each once the one before it is closed. A thread of its own waits for them.
pub fn hosts(listener: TcpListener) -> Receiver<(TcpStream, SocketAddr)> {
    let (arrived, hosts) = channel();
    thread::spawn(move || {
        let mut current: Option<TcpStream> = None;
        loop {
            let Ok((stream, host)) = listener.accept() else {
                thread::sleep(PAUSE);
                continue;
            };
            let Ok(handle) = prepare(&stream) else { continue };
            if let Some(before) = current.replace(handle) {
                // An error means that it is closed already.
                let _ = before.shutdown(Shutdown::Both);
            }
            if arrived.send((stream, host)).is_err() {
                return;
            }
        }
    });
    hosts
}

/// A second handle of a connection whose answers leave at once.
fn prepare(stream: &TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.try_clone()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_newcomer_ends_a_connection_that_waits_for_a_host_that_reads_no_more() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let hosts = hosts(listener);
        let _lost = TcpStream::connect(address).expect("accepted");
        let (mut device, _) = hosts.recv().expect("the first");
        let writer = thread::spawn(move || {
            let full = [0; 1 << 16];
            // Blocks once the lost host's buffers are full, until the connection is closed.
            while device.write_all(&full).is_ok() {}
        });
        let mut newcomer = TcpStream::connect(address).expect("accepted");
        let (mut device, host) = hosts.recv().expect("the second");
        assert_eq!(host, newcomer.local_addr().expect("connected"));
        writer.join().expect("the first connection is closed");
        device.write_all(b"hello").expect("the second is open");
        let mut greeting = [0; 5];
        newcomer.read_exact(&mut greeting).expect("answered");
        assert_eq!(&greeting, b"hello");
    }
}
