package dev.coffey.server.registry;

import java.util.Optional;

/// One version of a model at one moment.
///
/// @param name the model's name
/// @param version the model's version: a number
/// @param message why it failed, where it did
/// @param handle there while the model is READY or UNLOADING
public record ModelStatus(
    String name, String version, ModelState state, String message, Optional<ModelHandle> handle) {}
