//! Boards that run, and are asked for their boot loader.

use std::{
    io::{Read, Write},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use images::Board;

use super::drive::Drive;
use crate::{
    cli::output::err,
    monitor::{Client, find, open},
};

/// The longest time of an answer: an inference and a search.
const ANSWER: Duration = Duration::from_secs(2);

/// The longest time until a drive is mounted.
const MOUNTING: Duration = Duration::from_secs(20);

/// From one look for a drive to the next.
const LOOK: Duration = Duration::from_millis(250);

/// Has the only board at USB start its boot loader, and waits for its drive. `None` if no board runs there.
///
/// # Errors
/// If it is another board than `wanted`, does not answer, or its drive is not mounted in time.
pub fn drive(wanted: Option<Board>) -> anyhow::Result<Option<Drive>> {
    let Ok(port) = find() else { return Ok(None) };
    let link = open(&port, 115_200, ANSWER)?;
    let board = start(&mut Client::new(link, ANSWER), wanted).with_context(|| port.clone())?;
    writeln!(err(), "the board at {port} starts its boot loader …")?;
    let deadline = Instant::now() + MOUNTING;
    loop {
        match Drive::only(Some(board)) {
            Ok(drive) => return Ok(Some(drive)),
            Err(_) if Instant::now() < deadline => thread::sleep(LOOK),
            Err(_) => bail!(
                "the board at {port} was asked for its boot loader, but its drive {} was not mounted within {} s; mount it, and give the same \
                 command again",
                board.drive(),
                MOUNTING.as_secs()
            ),
        }
    }
}

/// Has a device start its boot loader; tells which board it is.
fn start<S: Read + Write>(client: &mut Client<S>, wanted: Option<Board>) -> anyhow::Result<Board> {
    let device = client.hello()?;
    let name = device.store.map_or("without a name".into(), |store| store.board);
    let Some(board) = Board::named(&name) else {
        bail!("this device is a board {name}, for which there are no images")
    };
    if let Some(wanted) = wanted.filter(|&wanted| wanted != board) {
        bail!("this device is a {}, and --board names a {}", board.label(), wanted.label());
    }
    client.start_boot_loader()?;
    Ok(board)
}

#[cfg(test)]
#[path = "../../../../tests/fuzz/src/memory_store.rs"]
mod memory_store;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use firmware::engine::Engine;
    use shared::model::Model;

    use super::{memory_store::MemoryStore, *};
    use crate::{
        cli::DEFAULT_MODEL,
        monitor::{LinkError, pipe, run_keeping_device},
    };

    static STARTED: AtomicBool = AtomicBool::new(false);

    fn boot_loader() -> ! {
        STARTED.store(true, Ordering::SeqCst);
        panic!("the boot loader runs (a test prints this)")
    }

    /// Asks a device that calls itself `board`, and may have a boot loader.
    fn ask(name: &'static str, has: bool, wanted: Option<Board>) -> anyhow::Result<Board> {
        let (host, end) = pipe();
        thread::spawn(move || {
            let model = Model::parse(&DEFAULT_MODEL.0).expect("it ships");
            let arena = Engine::arena_bytes(&model).expect("small") as usize;
            let board =
                firmware::device::Board { stack_high_water: None, demo_faces: &[], demo_interval_us: 0, boot: 0 };
            let mut store = MemoryStore::new(1000, 1000);
            store.board = name;
            let boot_loader = has.then_some(boot_loader as fn() -> !);
            run_keeping_device(&model, &mut store, MemoryStore::newest, arena, end, (board, boot_loader))
        });
        start(&mut Client::new(host, Duration::from_secs(10)), wanted)
    }

    #[test]
    fn a_board_is_asked_for_its_boot_loader_if_it_is_the_right_one() {
        let problem = |result: anyhow::Result<Board>| format!("{:#}", result.expect_err("refused"));
        assert!(problem(ask("pico", true, Some(Board::Pico2))).contains("--board names a Raspberry Pi Pico 2"));
        assert!(problem(ask("linux", true, None)).contains("a board linux, for which there are no images"));
        let without = ask("pico2", false, None).expect_err("it has none");
        assert!(matches!(without.downcast_ref(), Some(LinkError::Refused(_))), "{without:#}");
        assert!(!STARTED.load(Ordering::SeqCst));
        assert_eq!(ask("pico", true, Some(Board::Pico)).expect("it answers"), Board::Pico);
        // The answer comes first.
        let deadline = Instant::now() + Duration::from_secs(10);
        while !STARTED.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "it was not started");
            thread::sleep(Duration::from_millis(1));
        }
    }
}
