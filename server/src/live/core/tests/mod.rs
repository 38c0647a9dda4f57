mod model;
mod properties;
mod reports;
mod scenes;
mod stage;
