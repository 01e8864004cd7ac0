//! Searches a frame: trees propose faces, one network confirms them, the other places the eyes.

use heapless::Vec;
use shared::{
    finder::{Finder, OUTPUTS, Tree, WINDOW},
    image::Processor,
    model::Network,
};

use super::{
    candidates::{Candidate, Candidates, MOST_PROPOSALS, sort_by_key},
    frame::Frame,
    shrink::{Scale, shrink},
    trees::scan,
    warp::{Point, Square, warp},
};
use crate::{
    engine::{EngineError, Runner},
    normalization::standardize,
};

/// Side of the window of a face in eye distances, times 256: 2.4.
pub const WINDOW_SIDE: i32 = 614;

/// Side of the square that the networks read, likewise: 2.8.
pub const SQUARE_SIDE: i32 = 717;

/// How far the middle of both lies below that of the eyes, likewise: 0.4.
pub const BELOW_EYES: i32 = 102;

/// The networks give eyes in this fraction of the square's side: 1/32.
pub const EYE_UNITS: f32 = 32.0;

/// The logit from which the network that confirms is so sure of a face that other proposals for it are passed over.
const SURE: f32 = 3.0;

/// A face in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// Its eyes, left and right in the picture.
    pub eyes: [Point; 2],
    /// How sure it is that this is a face.
    pub score: f32,
}

/// The faces of a frame, the best first.
pub type Faces = Vec<Face, MOST_PROPOSALS>;

/// How much a search computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Windows that passed the trees.
    pub windows: u32,
    /// Runs of the network that confirms.
    pub confirmed: u32,
    /// Runs of the network that places the eyes.
    pub placed: u32,
}

/// Finds faces, in the caller's memory.
#[derive(Debug)]
pub struct Search<'model, 'memory> {
    finder: Finder<'model>,
    memory: &'memory mut [i8],
    /// How much the last search computed.
    pub effort: Effort,
}

/// Bytes that `finder` needs for frames of `width` x `height` pixels.
///
/// # Errors
/// [`EngineError::ArenaTooLarge`].
pub fn memory_bytes(finder: &Finder<'_>, width: usize, height: usize) -> Result<usize, EngineError> {
    bytes(finder, width, height, Runner::arena_bytes)
}

/// The same on `processor`, whatever this one is.
///
/// # Errors
/// [`EngineError::ArenaTooLarge`].
pub fn memory_bytes_on(
    finder: &Finder<'_>,
    width: usize,
    height: usize,
    processor: Processor,
) -> Result<usize, EngineError> {
    bytes(finder, width, height, |network| Runner::arena_bytes_on(network, processor))
}

/// The finest level or one of the networks, whichever takes most.
fn bytes(
    finder: &Finder<'_>,
    width: usize,
    height: usize,
    arena_bytes: impl Fn(&Network<'_>) -> Result<u32, EngineError>,
) -> Result<usize, EngineError> {
    let level = Scale::FINEST.cells(width) * Scale::FINEST.cells(height);
    let network = |network: &Network<'_>| Ok(arena_bytes(network)? as usize + pixels(network));
    Ok(level.max(network(&finder.confirm)?).max(network(&finder.eyes)?))
}

/// The proposals of the trees in a frame, at all scales, and how many windows passed all trees. If `level` has no room for the
/// finest level, its lower rows are not searched.
pub fn propose(trees: &[Tree], frame: Frame<'_>, level: &mut [u8]) -> (Vec<Candidate, MOST_PROPOSALS>, u32) {
    let mut candidates = Candidates::default();
    let mut windows = 0;
    let mut scale = Scale::FINEST;
    loop {
        let (width, height) = shrink(frame, scale, level);
        if width < WINDOW || height < WINDOW {
            return (candidates.merged(), windows);
        }
        scan(level, width, height, trees, |x, y, sum| {
            windows += 1;
            // The middle of the window, where that of the frame's first pixel is 0.
            let middle = |cell: usize| (((cell + WINDOW / 2) as u64 * u64::from(scale.0)) >> 8) as i32 - 128;
            let side = ((WINDOW as u64 * u64::from(scale.0)) >> 8) as i32;
            candidates.add(Candidate { middle: Point { x: middle(x), y: middle(y) }, side, sum });
        });
        scale = scale.coarser();
    }
}

/// The square of a proposal that the network that confirms reads.
pub fn confirm_square(proposal: &Candidate) -> Square {
    let side = i64::from(proposal.side) * i64::from(SQUARE_SIDE) / i64::from(WINDOW_SIDE);
    Square::upright(proposal.middle, side as i32)
}

/// The square of a face that the network that places the eyes reads.
pub fn eyes_square(face: &Face) -> Square {
    Square::around_eyes(face.eyes, SQUARE_SIDE, BELOW_EYES)
}

/// The number of proposals that are rather no face after which those that are left, which are worse, are not looked at any more: one for
/// every 7,000 pixels, so that the work of the networks grows with the frame as that of the trees does: 2 of 160x120 pixels, 10 of 320x240.
fn most_doubtful(frame: Frame<'_>) -> usize {
    (frame.width() * frame.height() / 7000).max(2)
}

/// Pixels of the square that a network reads.
fn pixels(network: &Network<'_>) -> usize {
    let shape = network.input().shape;
    usize::from(shape.height) * usize::from(shape.width)
}

impl<'model, 'memory> Search<'model, 'memory> {
    /// A search by `finder` in `memory`: [`memory_bytes`] of the largest frame.
    pub fn new(finder: &Finder<'model>, memory: &'memory mut [i8]) -> Self {
        Self { finder: *finder, memory, effort: Effort::default() }
    }

    /// The finder that searches.
    pub fn finder(&self) -> Finder<'model> {
        self.finder
    }

    /// The faces of a frame with a score of at least `least`.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`] if the memory is too small for the frame.
    pub fn faces(&mut self, frame: Frame<'_>, least: f32) -> Result<Faces, EngineError> {
        let need = memory_bytes(&self.finder, frame.width(), frame.height())?;
        let have = self.memory.len();
        if have < need {
            return Err(EngineError::ArenaTooSmall { need: need as u32, have });
        }
        let (proposals, windows) = propose(self.finder.trees, frame, bytemuck::cast_slice_mut(self.memory));
        self.effort = Effort { windows, ..Effort::default() };
        let mut confirmed: Faces = Vec::new();
        let mut doubtful = 0;
        for proposal in &proposals {
            // Trees often propose a face once more, larger or smaller or beside it.
            if confirmed.iter().any(|face| face.score >= SURE && face.covers(proposal)) {
                continue;
            }
            let face = self.confirm(frame, proposal)?;
            if face.score >= self.finder.header.confirm {
                add(&mut confirmed, face);
            }
            doubtful += usize::from(face.score < 0.0);
            if doubtful == most_doubtful(frame) {
                break;
            }
        }
        let mut faces = Vec::new();
        for face in &confirmed {
            let face = self.place(frame, *face)?;
            if face.score >= least {
                add(&mut faces, face);
            }
        }
        sort_by_key(&mut faces, |face: &Face| -face.score);
        Ok(faces)
    }

    /// Looks for a face where it was a moment ago, without the trees; the score says whether it is there.
    ///
    /// # Errors
    /// [`EngineError::ArenaTooSmall`].
    pub fn again(&mut self, frame: Frame<'_>, last: &Face) -> Result<Face, EngineError> {
        self.effort = Effort { confirmed: 1, ..Effort::default() };
        let face = self.look(frame, eyes_square(last), self.finder.confirm)?;
        self.place(frame, face)
    }

    fn confirm(&mut self, frame: Frame<'_>, proposal: &Candidate) -> Result<Face, EngineError> {
        self.effort.confirmed += 1;
        self.look(frame, confirm_square(proposal), self.finder.confirm)
    }

    fn place(&mut self, frame: Frame<'_>, face: Face) -> Result<Face, EngineError> {
        self.effort.placed += 1;
        let placed = self.look(frame, eyes_square(&face), self.finder.eyes)?;
        Ok(Face { score: placed.score + face.score / 2.0, ..placed })
    }

    /// Runs a network on a square.
    fn look(&mut self, frame: Frame<'_>, square: Square, network: Network<'model>) -> Result<Face, EngineError> {
        let size = usize::from(network.input().shape.width);
        let have = self.memory.len();
        let pixels = size * size;
        let too_small = EngineError::ArenaTooSmall { need: pixels as u32, have };
        let (picture, arena) = self.memory.split_at_mut_checked(pixels).ok_or(too_small)?;
        let picture: &mut [u8] = bytemuck::cast_slice_mut(picture);
        warp(frame, square, size, picture);
        let mut runner = Runner::new(&network, arena)?;
        standardize(picture, self.finder.header.sigma_floor, runner.input()?);
        runner.run()?;
        let output = network.outputs().next();
        let mut values = [0.0; OUTPUTS as usize];
        if let Some(output) = output {
            let real = |&q: &i8| (f32::from(q) - f32::from(output.quantization.zero_point)) * output.quantization.scale;
            values.iter_mut().zip(runner.tensor(&output)).for_each(|(value, q)| *value = real(q));
        }
        Ok(Face::read(square, values))
    }
}

/// Adds a face. Of two faces at the same place, the better one stays.
fn add(faces: &mut Faces, face: Face) {
    match faces.iter_mut().find(|other| other.is_near(&face)) {
        Some(other) if other.score < face.score => *other = face,
        Some(_) => {}
        None => drop(faces.push(face)),
    }
}

impl Face {
    /// What a network's outputs say about the square that it saw: the logit of a face, and how far the left and the right eye lie
    /// right of and below their places in the middle of the square, in [`EYE_UNITS`] a side. An eye is within one side of there.
    pub fn read(square: Square, [score, left_x, left_y, right_x, right_y]: [f32; OUTPUTS as usize]) -> Self {
        let eye = |along: i32, x: f32, y: f32| {
            // In 1/65536 of the side.
            let fixed = |value: f32| (value * (65536.0 / EYE_UNITS)).clamp(-65536.0, 65536.0) as i32;
            square.place((along << 16) / SQUARE_SIDE + fixed(x), -(BELOW_EYES << 16) / SQUARE_SIDE + fixed(y))
        };
        Self { eyes: [eye(-128, left_x, left_y), eye(128, right_x, right_y)], score }
    }

    /// Whether the middle of a proposal is nearer to that of the face than the distance of its eyes.
    fn covers(&self, proposal: &Candidate) -> bool {
        let (a, b) = (eyes_square(self).middle.held(), proposal.middle.held());
        let (x, y, span) = (i64::from(a.x - b.x), i64::from(a.y - b.y), i64::from(self.eye_distance()));
        x * x + y * y < span * span
    }

    /// Whether the points between the eyes of both faces are nearer to each other than the larger of the two eye distances.
    pub fn is_near(&self, other: &Face) -> bool {
        let middle = |face: &Face| {
            let [left, right] = face.eyes.map(Point::held);
            (i64::from(left.x + right.x) / 2, i64::from(left.y + right.y) / 2)
        };
        let ((ax, ay), (bx, by)) = (middle(self), middle(other));
        let span = i64::from(self.eye_distance().max(other.eye_distance()));
        (ax - bx) * (ax - bx) + (ay - by) * (ay - by) < span * span
    }
}
