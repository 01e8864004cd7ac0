//! What is measured: full scans of frames and single inferences, in the same code for WebAssembly and for this machine.

mod scenes;

use std::hint::black_box;

use firmware::{
    device::{Clock, see},
    engine::Engine,
    finder::frame::Frame,
    finder::search::memory_bytes,
};
use shared::{
    checksum::crc32_after,
    finder::Finder,
    model::{Aligned, Model},
    wire::{Options, Output},
};

pub use self::scenes::{FRAMES, HEIGHT, WIDTH, draw};

static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("../../models/edge.fer"));
static FINDER: &Aligned<[u8]> = &Aligned(*include_bytes!("../../models/finder.ferf"));
static DEMO_FACES: &[[u8; 2304]] = include_bytes!("../../models/demo_faces.bin").as_chunks().0;

const OPTIONS: Options = Options { output: Output::Frames, smoothing: 0.0, threshold: 0.3, mirror: false };

/// The network, the finder, and the frames that they look at.
pub struct Bench {
    engine: Engine<'static, 'static>,
    finder: Finder<'static>,
    frames: Vec<Vec<u8>>,
}

/// No time passes: the caller measures.
struct NoClock;

impl Clock for NoClock {
    fn microseconds(&mut self) -> u64 {
        0
    }
}

impl Default for Bench {
    fn default() -> Self {
        let model = Box::leak(Box::new(Model::parse(&MODEL.0).expect("the model that ships")));
        let finder = Finder::parse(&FINDER.0).expect("the finder that ships");
        let arena = Engine::arena_bytes(model).expect("a size") as usize;
        let arena = arena.max(memory_bytes(&finder, WIDTH, HEIGHT).expect("a size"));
        let arena = Box::leak(vec![0i8; arena].into_boxed_slice());
        let engine = Engine::new(model, arena).expect("the arena is large enough");
        Self { engine, finder, frames: (0..FRAMES).map(draw).collect() }
    }
}

/// Made-up values of a normalized face, two channels a pixel.
pub fn values() -> Vec<i8> {
    (0..2 * 2304u32).map(|place| (place * 89 % 253) as i8).collect()
}

impl Bench {
    /// Looks at a frame as at a picture on its own: a search at all scales, alignment, an inference. The digest of all that it says: 0
    /// where it sees no face.
    pub fn scan(&mut self, frame: usize) -> u32 {
        let frame = Frame::new(black_box(&self.frames[frame % FRAMES]), WIDTH, HEIGHT, WIDTH).expect("a frame");
        let (seen, face) =
            see(&self.finder, frame, None, &mut self.engine, &mut NoClock, &OPTIONS).expect("enough memory");
        let (Some(seen), Some(face)) = (seen.face, face) else { return 0 };
        let mut words: Vec<u32> = face.eyes.iter().flat_map(|eye| [eye.x as u32, eye.y as u32]).collect();
        words.push(face.score.to_bits());
        words.extend(seen.emotion.probabilities.iter().map(|probability| probability.to_bits()));
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        crc32_after(0, &bytes)
    }

    /// Classifies a normalized face by the network alone.
    pub fn infer(&mut self, values: &[i8]) -> u32 {
        let logits = self.engine.run_normalized(black_box(values)).expect("an input");
        crc32_after(0, bytemuck::cast_slice(logits))
    }
}

static BENCH: std::sync::Mutex<Option<Bench>> = std::sync::Mutex::new(None);

/// A call of the bench that all exports share.
fn with<R>(call: impl FnOnce(&mut Bench) -> R) -> R {
    let mut bench = BENCH.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    call(bench.get_or_insert_default())
}

/// Scans a frame for JavaScript, see [`Bench::scan`].
#[unsafe(no_mangle)]
pub extern "C" fn scan(frame: u32) -> u32 {
    with(|bench| bench.scan(frame as usize))
}

/// Classifies made-up values for JavaScript, see [`Bench::infer`].
#[unsafe(no_mangle)]
pub extern "C" fn infer() -> u32 {
    with(|bench| bench.infer(&values()))
}
