package dev.coffey.server;

import dev.coffey.server.config.ServerConfig;

/// Opens engines for tests in other packages, as `Main` does.
public final class Engines {
  private Engines() {}

  public static Engine open(ServerConfig config) {
    return Main.open(config, "test");
  }
}
