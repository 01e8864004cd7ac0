//! The serial link over an in-memory pipe with the real device at its end.

mod conversation;
mod damage;
mod ends;
mod restarts;
