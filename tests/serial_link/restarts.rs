//! A device that starts anew while a host talks to it.

use std::{
    io::{Read, Write},
    time::Duration,
};

use host_trainer::monitor::{Client, HostEnd, Notice, pipe};
use shared::wire::{Options, PROTOCOL_VERSION};
use tests::lasting::engine;

use crate::ends::{board, face, read_text, run_both, sample, with_device};

#[test]
fn a_restarted_device_is_noticed_and_greeted_again() {
    survives_a_restart(false);
}

#[test]
fn a_restarted_device_whose_banner_was_lost_is_noticed_by_its_text() {
    survives_a_restart(true);
}

fn survives_a_restart(without_banner: bool) {
    /// A link whose device is replaced by a fresh one after some reads.
    struct Restarting {
        first: Option<HostEnd>,
        second: HostEnd,
        sent: usize,
    }
    impl Restarting {
        fn current(&mut self) -> &mut HostEnd {
            if self.sent > 5_000 {
                self.first = None;
            }
            self.first.as_mut().unwrap_or(&mut self.second)
        }
    }
    impl Read for Restarting {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.current().read(buffer)
        }
    }
    impl Write for Restarting {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.sent += bytes.len();
            self.current().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut engine = engine(&sample());
    let (second_host, second_device) = pipe();
    with_device(|first| {
        run_both(board(&[]), second_host, second_device, |mut second| {
            if without_banner {
                read_text(&mut second, &format!("protocol {PROTOCOL_VERSION}\r\n"));
            }
            let link = Restarting { first: Some(first), second, sent: 0 };
            let mut client = Client::new(link, Duration::from_millis(500));
            let device = client.hello().expect("answers");
            client.set_options(Options { mirror: true, ..device.options }).expect("in range");
            for index in 0..6 {
                let face = face(index);
                let result = client.classify(&face).expect("answers across the restart");
                let alone = engine.classify(&face).expect("runs");
                let expected = engine.classify_mirrored(&face).expect("runs");
                assert_ne!(alone.probabilities, expected.probabilities, "the option makes no difference");
                assert_eq!(result.probabilities, expected.probabilities, "the options hold across the restart");
            }
            assert!(client.take_notices().contains(&Notice::Restarted));
        });
    });
}
