//! Windows that pass all trees, and how they are merged to proposals.

use heapless::Vec;

use super::warp::Point;

/// Maximum number of windows that are kept of a frame: those with the highest sums.
const MOST_WINDOWS: usize = 96;

/// Maximum number of proposals of a frame: the best ones.
pub const MOST_PROPOSALS: usize = 20;

/// A window of a level in the frame, in 1/256 pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its middle.
    pub middle: Point,
    /// Its side.
    pub side: i32,
    /// The sum of the trees' leaves.
    pub sum: i16,
}

/// The windows of a frame that passed.
#[derive(Clone, Debug, Default)]
pub struct Candidates(Vec<Candidate, MOST_WINDOWS>);

impl Candidates {
    /// Keeps a window, if there is room or its sum is higher than another's.
    pub fn add(&mut self, candidate: Candidate) {
        if let Err(candidate) = self.0.push(candidate)
            && let Some(worst) = self.0.iter_mut().min_by_key(|other| other.sum)
            && worst.sum < candidate.sum
        {
            *worst = candidate;
        }
    }

    /// Merges windows that share more than a third of the area that they cover together. A merged window is their mean,
    /// weighted by their sums. They are ordered by the highest sum and a share of the others', the best first.
    pub fn merged(mut self) -> Vec<Candidate, MOST_PROPOSALS> {
        // By place where sums are equal, so that the order in which they came does not count.
        sort_by_key(&mut self.0, |c| (-i32::from(c.sum), c.side, c.middle.y, c.middle.x));
        let mut places: Vec<Place, MOST_WINDOWS> = Vec::new();
        for candidate in &self.0 {
            match places.iter_mut().find(|place| overlap(&place.best, candidate)) {
                Some(place) => place.add(candidate),
                // As many places as candidates fit.
                None => drop(places.push(Place::new(candidate))),
            }
        }
        let worth = |place: &Place| i32::from(place.best.sum) * 4 + place.weight.min(1 << 12) as i32;
        sort_by_key(&mut places, |place| (-worth(place), place.best.side, place.best.middle.y, place.best.middle.x));
        places.iter().take(MOST_PROPOSALS).map(Place::mean).collect()
    }
}

/// Windows at one place.
struct Place {
    best: Candidate,
    weight: i64,
    x: i64,
    y: i64,
    side: i64,
}

impl Place {
    fn new(candidate: &Candidate) -> Self {
        let mut place = Self { best: *candidate, weight: 0, x: 0, y: 0, side: 0 };
        place.add(candidate);
        place
    }

    fn add(&mut self, &Candidate { middle, side, sum }: &Candidate) {
        let weight = i64::from(sum.max(1));
        self.weight += weight;
        self.x += weight * i64::from(middle.x);
        self.y += weight * i64::from(middle.y);
        self.side += weight * i64::from(side);
    }

    fn mean(&self) -> Candidate {
        let mean = |sum: i64| (sum / self.weight) as i32;
        Candidate { middle: Point { x: mean(self.x), y: mean(self.y) }, side: mean(self.side), sum: self.best.sum }
    }
}

/// Sorts a short list; what has equal keys stays in its order. The sorts of the standard library, which are made for long ones,
/// would take 10 KB of flash for the lists of a search.
pub(super) fn sort_by_key<T, K: PartialOrd>(list: &mut [T], key: impl Fn(&T) -> K) {
    for end in 1..list.len() {
        let mut place = end;
        while place > 0 && key(&list[place]) < key(&list[place - 1]) {
            list.swap(place, place - 1);
            place -= 1;
        }
    }
}

/// Whether two upright squares share more than a third of the area that they cover together.
fn overlap(a: &Candidate, b: &Candidate) -> bool {
    let along = |a: i32, b: i32, sides: (i32, i32)| {
        let (low, high) = ((a - sides.0 / 2).max(b - sides.1 / 2), (a + sides.0 / 2).min(b + sides.1 / 2));
        i64::from((high - low).max(0))
    };
    let sides = (a.side, b.side);
    let both = along(a.middle.x, b.middle.x, sides) * along(a.middle.y, b.middle.y, sides);
    let area = |side: i32| i64::from(side) * i64::from(side);
    3 * both > area(a.side) + area(b.side) - both
}
