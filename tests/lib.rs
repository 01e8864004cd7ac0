//! What crosses the walls.
