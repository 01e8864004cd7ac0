//! `watch`: a camera's frames to emotions, live.

mod input;
mod lines;

use std::{
    io::{self, IsTerminal, Write, stdout},
    thread,
    time::{Duration, Instant},
};

use cameras::{Arrival, Feed, GreyFrame, Next, Source, Turn};
use clap::{Args, ValueEnum};
use pictures::watcher::{Manner, SMOOTHING, Sighting, Watcher, arena_bytes};
use shared::label::Emotion;

use self::{
    input::InputArguments,
    lines::{Change, Form},
};
use super::{
    model_file::ModelArguments,
    output::{err, out},
    progress::is_dumb,
    stop::Stop,
};
use crate::{
    data::LabelSet,
    watch::{Address, History, Publisher, Screen, Since, Wish},
};

/// So long nothing else is done while a frame is waited for.
const TICK: Duration = Duration::from_millis(50);

#[derive(Args, Debug)]
pub struct WatchArguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    files: ModelArguments,
    /// Turn every frame clockwise by so many degrees, for a camera that lies on its side or hangs
    #[arg(long, value_name = "DEGREES")]
    rotate: Option<Rotation>,
    /// Show the picture as in a mirror; changes nothing but what is shown
    #[arg(long)]
    mirror_view: bool,
    /// Weight of the frames before in the probabilities, from 0 to below 1
    #[arg(long, value_name = "N", default_value_t = SMOOTHING, value_parser = weight)]
    smoothing: f32,
    /// Answer by the mean of the logits of a face and of its mirror image, in twice the time
    #[arg(long)]
    mirror: bool,
    /// Print a JSON object a frame
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print a table with a row a frame
    #[arg(long)]
    csv: bool,
    /// Print a line a frame, also on a terminal
    #[arg(long, conflicts_with_all = ["json", "csv"])]
    plain: bool,
    /// Publish each change, retained, to an MQTT broker; it says "offline" once the program is gone
    #[arg(long, value_name = "mqtt://USER:PASSWORD@HOST[:PORT]/TOPIC")]
    mqtt: Option<Address>,
}

/// Degrees, clockwise.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rotation {
    #[value(name = "90")]
    Quarter,
    #[value(name = "180")]
    Half,
    #[value(name = "270")]
    ThreeQuarters,
}

impl Rotation {
    fn turn(self) -> Turn {
        match self {
            Rotation::Quarter => Turn::Quarter,
            Rotation::Half => Turn::Half,
            Rotation::ThreeQuarters => Turn::ThreeQuarters,
        }
    }
}

fn weight(text: &str) -> Result<f32, String> {
    let weight = text.parse().ok().filter(|weight| (0.0..1.0).contains(weight));
    weight.ok_or_else(|| "it is a number from 0 to below 1, such as 0.6".into())
}

/// Where answers are shown.
enum Outlet {
    Screen(Box<Screen>),
    Lines(Form),
}

impl Outlet {
    fn new(arguments: &WatchArguments, source: &Source, emotions: &'static [Emotion]) -> io::Result<Self> {
        let form = match (arguments.json, arguments.csv) {
            (true, _) => Form::Json,
            (_, true) => Form::Csv,
            _ => Form::Readout,
        };
        let drawn = matches!(form, Form::Readout) && !arguments.plain && stdout().is_terminal() && !is_dumb();
        if drawn && let Ok(screen) = Screen::start(source.name.clone(), emotions, arguments.mirror_view) {
            return Ok(Outlet::Screen(Box::new(screen)));
        }
        form.begin(emotions)?;
        Ok(Outlet::Lines(form))
    }

    /// What keys ask for; waits for them, but not longer than `most`.
    fn wish(&mut self, most: Duration) -> io::Result<Option<Wish>> {
        match self {
            Outlet::Screen(screen) => screen.keys(most),
            Outlet::Lines(_) => Ok(None),
        }
    }
}

/// How the watching ended.
enum End {
    /// There are no more frames, or a key asked for the end.
    Done,
    /// Ctrl-C on the screen.
    Interrupted,
}

pub fn run(arguments: &WatchArguments) -> anyhow::Result<()> {
    let source = arguments.input.open()?;
    let stop = Stop::watch()?;
    let named = arguments.files.read()?;
    let (model, finder) = (named.model()?, named.finder()?);
    let mut arena = vec![0; arena_bytes(&model, &finder)?];
    let manner = Manner { smoothing: arguments.smoothing, mirror: arguments.mirror };
    let watcher = Watcher::new(&model, &finder, &mut arena, manner)?;
    let emotions = LabelSet::of(model.labels()).emotions();
    let publisher = arguments.mqtt.as_ref().map(Publisher::connect).transpose()?;
    let outlet = Outlet::new(arguments, &source, emotions)?;
    let turn = arguments.rotate.map_or(Turn::None, Rotation::turn);
    let mut watching = Watching {
        // A file is shown at its own speed.
        paced: !source.may_stop,
        feed: Feed::start(source, arguments.input.patience()),
        watcher,
        outlet,
        publisher,
        emotions,
        turn,
        history: History::default(),
        broken: 0,
        start: None,
        change: None,
        messages: Vec::new(),
    };
    let ended = watching.run();
    let Watching { outlet, publisher, history, broken, messages, feed, .. } = watching;
    // The terminal first: what follows is to stay on it.
    drop(outlet);
    for message in messages {
        writeln!(err(), "{message}")?;
    }
    let lost = |count: u64, what| if count > 0 { format!(", {count} {what}") } else { String::new() };
    writeln!(err(), "{}{}{}", history.summary(), lost(broken, "broken"), lost(feed.dropped(), "dropped"))?;
    let ended = ended?;
    if let Some(publisher) = publisher
        && !publisher.finish()
    {
        writeln!(err(), "warning: the broker did not confirm the last message")?;
    }
    match ended {
        End::Done => Ok(()),
        End::Interrupted => Err(stop.interrupted().into()),
    }
}

struct Watching<'model, 'arena> {
    paced: bool,
    feed: Feed,
    watcher: Watcher<'model, 'arena>,
    outlet: Outlet,
    publisher: Option<Publisher>,
    emotions: &'static [Emotion],
    turn: Turn,
    history: History,
    broken: u64,
    /// When the first frame came.
    start: Option<Instant>,
    /// What was published last.
    change: Option<Change>,
    /// Messages that are shown once the screen is given back.
    messages: Vec<String>,
}

impl Watching<'_, '_> {
    fn run(&mut self) -> anyhow::Result<End> {
        loop {
            if let Some(end) = self.pause(Duration::ZERO)? {
                return Ok(end);
            }
            match self.feed.next(TICK)? {
                Next::End => return Ok(End::Done),
                Next::Nothing => {}
                Next::Arrival(Arrival::Broken { number, problem }) => {
                    self.broken += 1;
                    self.say(format!("warning: frame {number} is broken and passed over: {problem}"))?;
                }
                Next::Arrival(Arrival::Frame(frame)) => {
                    if let Some(end) = self.look(frame.turned(self.turn))? {
                        return Ok(end);
                    }
                }
            }
            for notice in self.publisher.iter().flat_map(Publisher::notices).collect::<Vec<_>>() {
                self.say(notice)?;
            }
        }
    }

    fn look(&mut self, frame: GreyFrame) -> anyhow::Result<Option<End>> {
        let start = *self.start.get_or_insert_with(Instant::now);
        if self.paced
            && matches!(self.outlet, Outlet::Screen(_))
            && let Some(end) =
                self.pause(frame.time.map_or(Duration::ZERO, |due| due.saturating_sub(start.elapsed())))?
        {
            return Ok(Some(end));
        }
        let seconds = frame.time.filter(|_| self.paced).unwrap_or_else(|| start.elapsed()).as_secs_f64();
        let sighting = self.watcher.look(&frame, seconds, &mut Since(Instant::now()))?;
        self.history.add(seconds, sighting.seen.face.map(|face| face.emotion.label));
        match &mut self.outlet {
            Outlet::Screen(screen) => {
                screen.show(frame, &sighting, &self.history, [self.broken, self.feed.dropped()])?;
            }
            Outlet::Lines(form) => writeln!(out(), "{}", form.line(&sighting, self.emotions)?)?,
        }
        self.publish(&sighting)?;
        Ok(None)
    }

    /// Publishes what was seen, if it differs from what was published last.
    fn publish(&mut self, sighting: &Sighting) -> anyhow::Result<()> {
        let Some(publisher) = &self.publisher else { return Ok(()) };
        let change = Change::of(sighting);
        if self.change != Some(change) {
            publisher.publish(lines::message(sighting, self.emotions)?);
            self.change = Some(change);
        }
        Ok(())
    }

    /// Waits so long, and heeds the keys meanwhile.
    fn pause(&mut self, time: Duration) -> io::Result<Option<End>> {
        match &self.outlet {
            Outlet::Lines(_) => {
                thread::sleep(time);
                Ok(None)
            }
            Outlet::Screen(_) => Ok(self.outlet.wish(time)?.map(|wish| match wish {
                Wish::Quit => End::Done,
                Wish::Interrupt => End::Interrupted,
            })),
        }
    }

    /// Tells the user something; on the screen there is no room for it until the end.
    fn say(&mut self, message: String) -> io::Result<()> {
        const MOST: usize = 20;
        match self.outlet {
            Outlet::Lines(_) => writeln!(err(), "{message}"),
            Outlet::Screen(_) if self.messages.len() < MOST => {
                self.messages.push(message);
                Ok(())
            }
            Outlet::Screen(_) => Ok(()),
        }
    }
}
