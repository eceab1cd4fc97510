//! What is wrong with a call itself, whatever the command is.

use crate::text::Quoted;

/// What a call itself is refused for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// No command of this name is answered here.
    #[error("The requested command \"{0}\" was not found.")]
    UnknownCommand(Quoted),
    /// The same, where PHP could have answered it by what is named.
    #[error("The requested command \"{0}\" was not found: {1} would answer it.")]
    Unanswered(Quoted, &'static str),
    /// Handlers have called localAPI 64 deep.
    #[error("The command \"{0}\" was not run: handlers have called localAPI 64 deep.")]
    TooDeep(Quoted),
    /// `tbladmins` has no row with this user name.
    #[error("The admin user \"{0}\" was not found.")]
    UnknownAdmin(Quoted),
    /// The admin's row says `disabled`.
    #[error("The admin user \"{0}\" is disabled.")]
    DisabledAdmin(Quoted),
    /// A rule reads this parameter, and its bytes are not UTF-8.
    #[error("The parameter \"{0}\" must be valid UTF-8.")]
    NotUtf8(&'static str),
    /// A rule reads this parameter as a string, and it's an array, a resource or an object that has no text.
    #[error("The parameter \"{0}\" must be a string.")]
    NotAString(&'static str),
    /// PHP threw, or ended the request, while a parameter was read. The caller gets that, not this.
    #[error("A parameter could not be read.")]
    Interrupted,
    /// An argument of a function of ours is of the right type and still can't be used. PHP makes it a `ValueError` that
    /// names the argument.
    #[error("must be {must}")]
    Argument {
        /// Which argument, from 1.
        position: u32,
        /// What it must be.
        must: &'static str,
    },
    /// A fixture of the sandbox can't be stored. PHP makes it a `ValueError` that names the argument.
    #[error("must {must}")]
    Fixture {
        /// Which argument, from 1.
        position: u32,
        /// What it must do.
        must: String,
    },
}
