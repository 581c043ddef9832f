package dev.coffey.server.cli;

import dev.coffey.server.Engine;
import dev.coffey.server.config.ServerConfig;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Function;

/// What a command sees of the process that it runs in.
///
/// @param out for results
/// @param err for everything else
/// @param processors that the process may use
/// @param root of the file system, where `/proc` and `/sys` are
/// @param command how the user called the program, for commands to try
/// @param engines opens an engine; it throws what the user must know
public record Surroundings(
    InputStream in,
    PrintStream out,
    PrintStream err,
    Map<String, String> environment,
    int processors,
    Path root,
    String command,
    String version,
    Function<ServerConfig, Engine> engines) {}
