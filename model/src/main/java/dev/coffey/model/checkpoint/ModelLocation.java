package dev.coffey.model.checkpoint;

import java.nio.file.Path;
import java.util.OptionalInt;

/// A model folder that was found, and what it is called: `DIR/name` or `DIR/name/version`.
public record ModelLocation(String name, OptionalInt version, Path path) {}
