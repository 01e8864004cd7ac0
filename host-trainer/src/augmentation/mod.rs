use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation { pub flip: bool }
impl Augmentation {
    pub fn is_off(&self) -> bool { !self.flip }
    pub fn check(&self) -> Result<(), String> { Ok(()) }
    pub fn apply(&self, face: &[u8; 2304], _random: &mut ChaCha8Rng) -> [u8; 2304] { *face }
}
