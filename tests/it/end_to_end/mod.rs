//! The main job through the real program: build, load, serve, query, and what can go wrong.

mod building;
mod engines;
mod env_file;
mod following;
mod loading;
mod printing;
mod querying;
mod refusing;
mod stopping;
mod updating;
