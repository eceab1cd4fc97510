//! The databases of [`test_server`](super::test_server), of which there is none without the cargo feature `mysql`.
#![allow(missing_docs, reason = "they are those of the other file")]

use crate::settings::{Server, Settings};

/// There is none.
pub struct Database {
    pub server: Server,
    none: Never,
}

enum Never {}

impl Database {
    pub fn new() -> Option<Self> {
        None
    }

    pub fn dsn(&self) -> String {
        match self.none {}
    }

    pub fn settings(&self) -> Settings {
        match self.none {}
    }

    pub fn run(&self, _: &str) {
        match self.none {}
    }

    pub fn rows(&self, _: &str) -> Vec<Vec<String>> {
        match self.none {}
    }

    pub fn connect(&self) -> Self {
        match self.none {}
    }
}

pub fn run(database: &mut Database, _: &str) {
    match database.none {}
}
