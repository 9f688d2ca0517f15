//! The main job through the real program: build, load, serve, query, and what can go wrong.

mod building;
mod engines;
mod loading;
mod querying;
mod refusing;
mod stopping;
