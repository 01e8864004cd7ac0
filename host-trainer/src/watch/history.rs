//! What was seen lately.

use std::collections::VecDeque;

use shared::label::Emotion;

/// Seconds that are remembered.
const REMEMBERED: f64 = 60.0;

/// Seconds that an answer stands for until the next one: a slow camera leaves no gaps.
const STANDS: f64 = 2.0;

/// Seconds over which frames are counted.
const COUNTED: f64 = 2.0;

/// The answers of the last minute.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Time and answer of each frame; `None` where there was no face.
    answers: VecDeque<(f64, Option<Emotion>)>,
    /// Frames in all.
    frames: u64,
    /// Frames with a face, of each emotion.
    of_emotion: [u64; Emotion::COUNT],
}

impl History {
    /// Adds a frame; `seconds` never go back.
    pub fn add(&mut self, seconds: f64, answer: Option<Emotion>) {
        self.frames += 1;
        if let Some(count) = answer.and_then(|emotion| self.of_emotion.get_mut(emotion.index())) {
            *count += 1;
        }
        self.answers.push_back((seconds, answer));
        while self.answers.front().is_some_and(|(time, _)| seconds - time > REMEMBERED) {
            self.answers.pop_front();
        }
    }

    /// The last minute up to `now` in `parts`, the oldest first: the most frequent answer of each, the last of equals; without a frame
    /// the answer before, if it is not older than two seconds; else `None`.
    pub fn strip(&self, now: f64, parts: usize) -> Vec<Option<Option<Emotion>>> {
        let mut counts = vec![Vec::<(Option<Emotion>, u32)>::new(); parts];
        for (time, answer) in &self.answers {
            let age = now - time;
            if !(0.0..REMEMBERED).contains(&age) {
                continue;
            }
            let part = ((REMEMBERED - age) / REMEMBERED * parts as f64) as usize;
            let Some(counts) = counts.get_mut(part.min(parts.saturating_sub(1))) else { continue };
            match counts.iter_mut().find(|(known, _)| known == answer) {
                Some((_, count)) => *count += 1,
                None => counts.push((*answer, 1)),
            }
        }
        let most = (STANDS * parts as f64 / REMEMBERED) as usize;
        let (mut last, mut age) = (None, 0);
        let answer = |counts: &Vec<(Option<Emotion>, u32)>| {
            match counts.iter().max_by_key(|(_, count)| *count) {
                Some((answer, _)) => (last, age) = (Some(*answer), 0),
                None => age += 1,
            }
            last.filter(|_| age <= most)
        };
        counts.iter().map(answer).collect()
    }

    /// Frames a second, lately.
    pub fn frames_a_second(&self) -> Option<f64> {
        let (now, _) = self.answers.back()?;
        let times = self.answers.iter().rev().map(|(time, _)| time).take_while(|time| now - *time <= COUNTED);
        let (count, first) = times.fold((0u32, *now), |(count, _), time| (count + 1, *time));
        (count > 1 && now > &first).then(|| f64::from(count - 1) / (now - first))
    }

    /// All that was seen, in words: `120 frames, 110 with a face: happy 60 %, neutral 40 %`.
    pub fn summary(&self) -> String {
        let faces: u64 = self.of_emotion.iter().sum();
        let mut shares: Vec<(u64, Emotion)> = self.of_emotion.into_iter().zip(Emotion::ALL).collect();
        shares.retain(|(count, _)| *count > 0);
        shares.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let percent = |count: u64| (100.0 * count as f64 / faces as f64).round();
        let shares: Vec<String> =
            shares.iter().map(|(count, emotion)| format!("{emotion} {} %", percent(*count))).collect();
        let colon = if shares.is_empty() { "" } else { ": " };
        let frames = if self.frames == 1 { "frame" } else { "frames" };
        format!("{} {frames}, {faces} with a face{colon}{}", self.frames, shares.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_has_the_most_frequent_answer_of_each_part() {
        let mut history = History::default();
        for (seconds, answer) in [
            (0.5, Some(Emotion::Sad)),
            (41.0, Some(Emotion::Happy)),
            (42.0, None),
            (43.0, Some(Emotion::Happy)),
            (61.0, None),
            (70.0, Some(Emotion::Fear)),
        ] {
            history.add(seconds, answer);
        }
        // From 10 to 70 s, ten seconds each.
        let expected = [None, None, None, Some(Some(Emotion::Happy)), None, Some(Some(Emotion::Fear))];
        assert_eq!(history.strip(70.0, 6), expected);
        assert_eq!(history.strip(70.0, 0), []);
        assert_eq!(history.strip(1000.0, 3), [None, None, None]);
    }

    #[test]
    fn an_answer_stands_for_two_seconds_where_none_follows() {
        let mut history = History::default();
        history.add(0.0, Some(Emotion::Sad));
        history.add(58.0, None);
        // Seconds from 0 to 60.
        let strip = history.strip(60.0 - 1e-9, 60);
        let sad = Some(Some(Emotion::Sad));
        assert_eq!(
            (strip[..4].to_vec(), strip[57..].to_vec()),
            (vec![sad, sad, sad, None], vec![None, Some(None), Some(None)])
        );
    }

    #[test]
    fn frames_a_second_are_those_of_the_last_two_seconds() {
        let mut history = History::default();
        assert_eq!(history.frames_a_second(), None);
        history.add(0.0, None);
        assert_eq!(history.frames_a_second(), None);
        for frame in 0..100 {
            history.add(10.0 + f64::from(frame) * 0.125, None);
        }
        assert_eq!(history.frames_a_second(), Some(8.0));
    }

    #[test]
    fn a_summary_counts_faces_and_emotions() {
        let mut history = History::default();
        assert_eq!(history.summary(), "0 frames, 0 with a face");
        history.add(0.0, None);
        assert_eq!(history.summary(), "1 frame, 0 with a face");
        for answer in [Emotion::Sad, Emotion::Happy, Emotion::Happy, Emotion::Happy] {
            history.add(1.0, Some(answer));
        }
        assert_eq!(history.summary(), "5 frames, 4 with a face: happy 75 %, sad 25 %");
    }
}
