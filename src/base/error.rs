//! One error type: a kind, which is what a program acts on, and a sentence with the numbers,
//! which is what a person reads.

use std::borrow::Cow;
use std::fmt;

/// What went wrong, as coarse as a caller can act on. Each kind is one status code of the C API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An argument is missing, malformed or out of range.
    Argument,
    /// A configuration document does not parse, or holds an unknown, mistyped or impossible field.
    Config,
    /// No such name.
    NotFound,
    /// The name exists with another kind or another configuration.
    Conflict,
    /// The region has no room left.
    Capacity,
    /// The caller's buffer is too small.
    Space,
    /// Not a region, damaged, or of a layout that this library cannot read.
    Format,
    /// The operating system refused.
    System,
    /// An id that is zero, made up, of another engine or kind, or removed.
    Stale,
    /// A cost that can never pass.
    Range,
    /// Not allowed now.
    State,
    /// A bug in tidegate itself.
    Bug,
}

/// An error: its kind and one sentence.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(
    /// One word, so that a `Result<()>` is in a register, and passing errors on costs little code.
    Box<Said>,
);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    kind: Kind,
    message: String,
}

/// What fallible functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error of `kind` that says `message`.
    #[cold]
    pub fn new<'a>(kind: Kind, message: impl Into<Cow<'a, str>>) -> Self {
        Self::saying(kind, message.into())
    }

    #[cold]
    #[inline(never)]
    fn saying(kind: Kind, message: Cow<'_, str>) -> Self {
        let message = message.into_owned();
        Error(Box::new(Said { kind, message }))
    }

    /// Makes a [`Kind::System`] error from `cause`.
    #[cold]
    pub fn os(doing: impl fmt::Display, cause: &std::io::Error) -> Self {
        Error::new(Kind::System, format!("cannot {doing}: {cause}"))
    }

    /// What a program acts on.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What a person reads.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("message", &self.message())
            .finish()
    }
}

impl std::error::Error for Error {}

/// Each kind's constructor by name, so that a call site reads as what it says.
macro_rules! constructors {
    ($($name:ident => $kind:ident),+ $(,)?) => {
        impl Error {
            $(
                #[doc = concat!("Makes a [`Kind::", stringify!($kind), "`] error.")]
                #[cold]
                pub fn $name<'a>(message: impl Into<Cow<'a, str>>) -> Self {
                    Error::new(Kind::$kind, message)
                }
            )+
        }
    };
}

constructors! {
    argument => Argument,
    config => Config,
    not_found => NotFound,
    conflict => Conflict,
    capacity => Capacity,
    space => Space,
    format => Format,
    stale => Stale,
    range => Range,
    state => State,
}
