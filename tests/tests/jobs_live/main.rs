//! Files that are processed, with a real server: by processors of a program, and by workers over HTTP. What is told in the rooms of
//! files, who hears it, and what is left when the server, a worker or the disk comes to an end in the middle.

mod disk;
mod events;
mod kills;
mod outside;
mod stage;
mod who;
