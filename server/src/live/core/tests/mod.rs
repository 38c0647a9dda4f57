mod model;
mod properties;
mod scenes;
mod stage;
