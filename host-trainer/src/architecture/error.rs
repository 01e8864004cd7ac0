//! Errors of reading an architecture.

/// What is wrong with an architecture. Layers are counted from 1, as a reader of the file counts them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ArchitectureError {
    /// The file cannot be read.
    #[error("{file}: {error}")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's message.
        error: String,
    },
    /// No built-in architecture has this name.
    #[error("no architecture is named `{name}`; there are: {known}, or name a file that ends in .toml")]
    UnknownName {
        /// The name asked for.
        name: String,
        /// The known names.
        known: String,
    },
    /// The text is not TOML, or has a key or value that means nothing here.
    #[error("{file}: {error}")]
    Toml {
        /// The file.
        file: String,
        /// Place and cause.
        error: String,
    },
    /// A layer makes no sense where it stands.
    #[error("{file}: layer {layer} ({kind}): {problem}")]
    Layer {
        /// The file.
        file: String,
        /// Which layer, from 1.
        layer: usize,
        /// Its kind.
        kind: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// Something outside the layers is out of range.
    #[error("{file}: {problem}")]
    Value {
        /// The file.
        file: String,
        /// What is wrong and what would be right.
        problem: String,
    },
}
