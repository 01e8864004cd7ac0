use ratatui::{Terminal, backend::TestBackend};

use super::{draw::duration, *};

fn state(epochs: usize) -> State {
    let rows = vec![("faces".into(), "fer2013.csv".into()), ("run".into(), "runs/levorse-1".into())];
    let mut state = State::new(Facts { name: "levorse".into(), rows, epochs: 20 });
    for epoch in 1..=epochs {
        let accuracy = [0.45, 0.5012, 0.48][(epoch - 1) % 3];
        state.epoch(EpochRow {
            epoch,
            train_loss: 1.5,
            train_accuracy: 0.4,
            validation_loss: if epoch == 2 { f64::NAN } else { 1.4 },
            validation_accuracy: accuracy,
            validation_accuracy_all: None,
            seconds: 31.0,
        });
    }
    state.step(StepNow {
        epoch: epochs + 1,
        done: 7_000,
        total: 28_000,
        loss: 1.3021,
        accuracy: 0.4711,
        images_per_second: 1_000.0,
        learning_rate: 1e-3,
    });
    state
}

fn screen(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen in memory");
    terminal.draw(|frame| draw::draw(frame, state)).expect("draws");
    terminal.backend().to_string()
}

#[test]
fn the_screen_tells_where_the_run_stands() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let text = screen(&state(3), width, height);
        let expected = [
            "levorse  epoch 4 of 20",
            "25 %",
            "21 s left",
            "16 %",
            "7 min 49 s left",
            "loss 1.3021  accuracy 0.4711  1000 images/s",
            "best 0.5012 (epoch 2)",
            "accuracy: training validation",
            "2 *",
            "q or Ctrl-C: stop",
        ];
        for words in expected {
            assert!(text.contains(words), "{width}x{height} should show `{words}`\n{text}");
        }
    }
    assert!(screen(&state(3), 120, 40).contains("runs/levorse-1"));
}

#[test]
fn a_small_screen_shows_the_numbers_and_the_smallest_none() {
    let text = screen(&state(3), 58, 5);
    assert!(text.contains("loss 1.3021") && text.contains("21 s left of the epoch"), "{text}");
    for (width, height) in [(1, 1), (20, 5), (60, 16), (59, 100), (300, 16)] {
        screen(&state(2), width, height);
    }
}

#[test]
fn before_the_first_step_there_is_nothing_to_divide_by() {
    let empty = State::new(Facts::default());
    assert_eq!((empty.epoch_share(), empty.run_share(), empty.seconds_left()), (0.0, 0.0, None));
    screen(&empty, 100, 30);
}

#[test]
fn curves_end_in_the_epoch_under_way_and_leave_out_what_is_no_number() {
    let state = state(3);
    let training = state.curve(|row| row.train_accuracy, Some(|now| now.accuracy));
    assert_eq!(training, [(1.0, 0.4), (2.0, 0.4), (3.0, 0.4), (3.25, 0.4711)]);
    assert_eq!(state.curve(|row| row.validation_loss, None), [(1.0, 1.4), (3.0, 1.4)]);
}

#[test]
fn the_accuracy_with_twins_stands_beside_the_one_that_chooses() {
    let mut state = state(3);
    assert!(!screen(&state, 120, 40).contains("with twins"));
    state.epochs.iter_mut().for_each(|row| row.validation_accuracy_all = Some(0.5321));
    let text = screen(&state, 120, 40);
    for words in ["best 0.5012, with twins 0.5321 (epoch 2)", "val. accuracy  ", "with twins  "] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn a_stop_is_told() {
    let stopping = State { stopping: true, ..state(1) };
    assert!(screen(&stopping, 80, 24).contains("stopping after this step"));
}

#[test]
fn durations_have_the_unit_they_need() {
    assert_eq!([0.4, 99.0, 725.0, 11_220.0].map(duration), ["0 s", "99 s", "12 min 05 s", "3 h 07 min"]);
}
