package dev.coffey.server.config;

/// One value that someone set.
///
/// @param key as they wrote it; may be no key at all
/// @param text the value as they wrote it, without space around it
/// @param origin where: `--port`, `COFFEY_SERVER_PORT`, `coffey.conf:12`
public record Setting(String key, String text, String origin) {}
