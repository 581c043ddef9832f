package dev.coffey.server;

import dev.coffey.kernels.KernelsProvider;
import dev.coffey.server.config.ServerConfig;
import java.util.List;

/// Opens engines for tests in other packages, as `Main` does.
public final class Engines {
  private Engines() {}

  public static Engine open(ServerConfig config) {
    return open(config, KernelsProvider.all());
  }

  /// On one of `providers`.
  public static Engine open(ServerConfig config, List<KernelsProvider> providers) {
    return Main.open(config, providers, "test");
  }
}
