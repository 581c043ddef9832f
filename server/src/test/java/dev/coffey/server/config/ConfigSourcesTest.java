package dev.coffey.server.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.Devices;
import dev.coffey.server.batch.BatchConfig;
import dev.coffey.server.grpc.GrpcConfig;
import dev.coffey.server.registry.RegistryConfig;
import dev.coffey.server.registry.RegistryConfig.ReadyWhen;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ConfigSourcesTest {
  /// A value for each key that is not its default, and how a reader of [ServerConfig] sees it.
  record Mapped(Key<?> key, String text, Object value, Function<ServerConfig, Object> read) {}

  @TempDir private Path folder;

  private static ConfigSources flags(String... settings) {
    List<Setting> flags = new ArrayList<>();
    for (String setting : settings) {
      String[] parts = setting.split("=", 2);
      flags.add(new Setting(parts[0], parts[1], "--set"));
    }
    return new ConfigSources(Optional.empty(), Map.of(), flags);
  }

  private static ConfigSources environment(Map<String, String> environment) {
    return new ConfigSources(Optional.empty(), environment, List.of());
  }

  private ConfigSources file(String... lines) throws IOException {
    Path file = folder.resolve("coffey.conf");
    Files.write(file, List.of(lines));
    return new ConfigSources(Optional.of(file), Map.of(), List.of());
  }

  private static List<String> problems(ConfigSources sources) {
    try {
      sources.load(3);
    } catch (ConfigException e) {
      return e.problems();
    }
    return List.of();
  }

  private static List<Mapped> mapped() {
    return List.of(
        new Mapped(Keys.HOST, "0.0.0.0", "0.0.0.0", c -> c.grpc().host()),
        new Mapped(Keys.PORT, "0", 0, c -> c.grpc().port()),
        new Mapped(Keys.HANDLER_THREADS, "3", 3, c -> c.grpc().handlerThreads()),
        new Mapped(Keys.MESSAGE_SIZE, "1GiB", 1 << 30, c -> c.grpc().maxMessageBytes()),
        new Mapped(Keys.METADATA_SIZE, "2KiB", 2048, c -> c.grpc().maxMetadataBytes()),
        new Mapped(Keys.RESPONSE_SIZE, "3KiB", 3072, c -> c.grpc().maxResponseBytes()),
        new Mapped(Keys.TEXTS_PER_REQUEST, "7", 7, c -> c.grpc().maxTexts()),
        new Mapped(Keys.REQUEST_TOKENS, "8", 8, c -> c.grpc().maxRequestTokens()),
        new Mapped(Keys.REQUESTS_IN_FLIGHT, "9", 9, c -> c.grpc().maxCalls()),
        new Mapped(Keys.BATCH_MAX_TOKENS, "2048", 2048, c -> c.batch().maxTokens()),
        new Mapped(Keys.BATCH_MAX_TEXTS, "10", 10, c -> c.batch().maxTexts()),
        new Mapped(Keys.BATCH_MAX_DELAY, "2ms", Duration.ofMillis(2), c -> c.batch().maxDelay()),
        new Mapped(Keys.BATCH_AGING, "1min", Duration.ofMinutes(1), c -> c.batch().aging()),
        new Mapped(Keys.BATCH_FAULT_LIMIT, "4", 4, c -> c.batch().faultLimit()),
        new Mapped(Keys.QUEUE_MAX_TOKENS, "70000", 70000, c -> c.batch().queueMaxTokens()),
        new Mapped(Keys.QUEUE_MAX_REQUESTS, "11", 11, c -> c.batch().queueMaxRequests()),
        new Mapped(Keys.MODELS_DIR, "/m", Optional.of(Path.of("/m")), ServerConfig::models),
        new Mapped(
            Keys.WARM_UP_LIMIT,
            "1500us",
            Duration.ofNanos(1_500_000),
            c -> c.registry().warmUpLimit()),
        new Mapped(Keys.READY_WHEN, "warm", ReadyWhen.WARM, c -> c.registry().readyWhen()),
        new Mapped(Keys.BACKEND, "scalar", "scalar", c -> c.backend().name()),
        new Mapped(Keys.THREADS, "2", 2, c -> c.backend().threads()),
        new Mapped(Keys.PRECISION, "bf16", DType.BF16, c -> c.backend().precision()),
        new Mapped(Keys.DEVICE, "3,1", new Devices(List.of(3, 1)), c -> c.backend().devices()),
        new Mapped(Keys.DEVICE_LOST, "stay", DeviceLoss.STAY, c -> c.backend().deviceLoss()),
        new Mapped(Keys.METRICS_PORT, "0", OptionalInt.of(0), ServerConfig::metricsPort),
        new Mapped(Keys.DRAIN_TIMEOUT, "5s", Duration.ofSeconds(5), ServerConfig::drainTimeout),
        new Mapped(Keys.LOG_LEVEL, "debug", LogLevel.DEBUG, ServerConfig::logLevel));
  }

  @Test
  void load_nothingSet_givesTheDefaults() {
    ServerConfig config = flags().load(3).config();
    assertThat(config)
        .isEqualTo(
            new ServerConfig(
                new GrpcConfig(
                    "127.0.0.1",
                    8500,
                    Optional.empty(),
                    6,
                    16 << 20,
                    8 << 10,
                    64 << 20,
                    1024,
                    65536,
                    1024),
                BatchConfig.DEFAULT,
                RegistryConfig.DEFAULT,
                Optional.empty(),
                new ServerConfig.Backend("auto", 3, DType.F32, Devices.of(0), DeviceLoss.EXIT),
                OptionalInt.empty(),
                Duration.ofSeconds(20),
                LogLevel.INFO));
  }

  @Test
  void mapped_listed_areAllKeysButTheTlsPair() {
    // A new key must get a line above; the TLS files, which go together, have tests of their own.
    List<Key<?>> tested = new ArrayList<>(mapped().stream().<Key<?>>map(Mapped::key).toList());
    tested.addAll(List.of(Keys.TLS_CERT, Keys.TLS_KEY));
    assertThat(tested).containsExactlyInAnyOrderElementsOf(Keys.ALL);
  }

  @ParameterizedTest
  @MethodSource("mapped")
  void load_eachKeyFromEachSource_reachesItsField(Mapped mapped) throws IOException {
    String line = mapped.key() + "=" + mapped.text();
    for (ConfigSources sources :
        List.of(
            flags(line), environment(Map.of(mapped.key().variable(), mapped.text())), file(line))) {
      assertThat(mapped.read().apply(sources.load(3).config())).isEqualTo(mapped.value());
    }
  }

  @Test
  void load_tlsPair_isMapped() {
    assertThat(flags("server.tls-cert=c.pem", "server.tls-key=k.pem").load(3).config().grpc().tls())
        .contains(new GrpcConfig.Tls(Path.of("c.pem"), Path.of("k.pem")));
  }

  @Test
  void load_halfATlsPair_isRefused() {
    assertThat(problems(flags("server.tls-cert=c.pem")))
        .containsExactly("server.tls-cert is set and server.tls-key is not: TLS needs both");
    assertThat(problems(flags("server.tls-key=k.pem")))
        .containsExactly("server.tls-key is set and server.tls-cert is not: TLS needs both");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "server.host|a b",
        "server.host|''",
        "server.port|-1",
        "server.port|65536",
        "server.port|80.5",
        "server.port|http",
        "server.port|99999999999",
        "server.tls-cert|''",
        "server.tls-key|''",
        "server.handler-threads|0",
        "server.handler-threads|4097",
        "limits.message-size|16",
        "limits.message-size|16MB",
        "limits.message-size|512B",
        "limits.message-size|2GiB",
        "limits.message-size|999999999999999GiB",
        "limits.metadata-size|2MiB",
        "limits.response-size|2GiB",
        "limits.texts-per-request|0",
        "limits.request-tokens|0",
        "limits.requests-in-flight|0",
        "batch.max-tokens|0",
        "batch.max-tokens|Auto",
        "batch.max-texts|0",
        "batch.max-delay|2",
        "batch.max-delay|11s",
        "batch.max-delay|-1ms",
        "batch.aging|0ms",
        "batch.fault-limit|0",
        "queue.max-tokens|0",
        "queue.max-requests|0",
        "models.dir|''",
        "warm-up.limit|0s",
        "warm-up.limit|11min",
        "warm-up.ready-when|cold",
        "backend.name|CUDA",
        "backend.threads|0",
        "backend.threads|1025",
        "backend.precision|f16",
        "backend.precision|BF16",
        "backend.device|-1",
        "backend.device|0,0",
        "backend.device|1,",
        "backend.device-lost|restart",
        "metrics.port|on",
        "metrics.port|65536",
        "drain.timeout|61min",
        "log.level|loud"
      })
  void load_badValue_isRefusedWithKeyValueLimitAndOrigin(String key, String value) {
    Key<?> known =
        Keys.ALL.stream().filter(each -> each.name().equals(key)).findFirst().orElseThrow();
    assertThat(problems(flags(key + "=" + value)).getFirst())
        .startsWith(key + " = ")
        .contains(value)
        .contains("(--set)")
        .endsWith("must be " + known.allowed());
  }

  @Test
  void load_allSources_flagsWinOverEnvironmentOverFile() throws IOException {
    Path file = folder.resolve("c.conf");
    Files.writeString(
        file,
        """
        # comment
        server.port = 1

          batch.max-texts= 1
        queue.max-requests =1
        """);
    var loaded =
        new ConfigSources(
                Optional.of(file),
                Map.of("COFFEY_SERVER_PORT", "2", "COFFEY_BATCH_MAX_TEXTS", "2", "PATH", "/bin"),
                List.of(new Setting("server.port", "3", "--port")))
            .load(3);
    assertThat(loaded.config().grpc().port()).isEqualTo(3);
    assertThat(loaded.config().batch().maxTexts()).isEqualTo(2);
    assertThat(loaded.config().batch().queueMaxRequests()).isEqualTo(1);
    assertThat(loaded.summary())
        .startsWith(
            "server.port=3 (--port), batch.max-texts=2 (COFFEY_BATCH_MAX_TEXTS), queue.max-requests=1 (c.conf:5); defaults: server.host=127.0.0.1 ")
        .contains(" batch.max-delay=0ms ");
  }

  @Test
  void load_severalProblemsInAllSources_namesThemAll() throws IOException {
    Path file = folder.resolve("c.conf");
    Files.writeString(file, "batch.max_delay = 2ms\nserver.port\nqueue.max-tokens = many\n");
    var sources =
        new ConfigSources(
            Optional.of(file),
            Map.of("COFFEY_BATCH_MAXDELAY", "2ms", "COFFEY_LOG_LEVEL", "loud"),
            List.of(new Setting("drain.timeout", "20", "--set")));
    assertThat(problems(sources))
        .containsExactlyInAnyOrder(
            "c.conf:2: expected key = value, got 'server.port'",
            "COFFEY_BATCH_MAXDELAY (environment): no such key; did you mean COFFEY_BATCH_MAX_DELAY or COFFEY_BATCH_MAX_TEXTS?",
            "batch.max_delay (c.conf:1): no such key; did you mean batch.max-delay or batch.max-texts?",
            "queue.max-tokens = many (c.conf:3): must be a count from 1 to 1073741824",
            "drain.timeout = 20 (--set): must be a time from 0ms to 1h (us, ms, s, min, h)",
            "log.level = loud (COFFEY_LOG_LEVEL): must be one of debug, info, warn, error");
  }

  @Test
  void load_sameKeyTwiceInOneSource_isRefused() throws IOException {
    assertThat(problems(file("server.port = 1", "server.port = 2")))
        .containsExactly("server.port is set twice: to 1 (coffey.conf:1) and to 2 (coffey.conf:2)");
    assertThat(problems(flags("server.port=1", "server.port=2"))).hasSize(1);
  }

  @Test
  void load_fileThatIsNone_isRefused() throws IOException {
    Path missing = folder.resolve("none.conf");
    assertThat(problems(new ConfigSources(Optional.of(missing), Map.of(), List.of())))
        .containsExactly(missing + " (--config): no such file");
    Path binary = Files.write(folder.resolve("binary.conf"), new byte[] {(byte) 0xff, 0});
    assertThat(problems(new ConfigSources(Optional.of(binary), Map.of(), List.of())))
        .containsExactly(binary + " (--config): is not UTF-8 text");
    assertThat(problems(new ConfigSources(Optional.of(folder), Map.of(), List.of())).getFirst())
        .startsWith(folder + " (--config): can't be read");
  }

  @Test
  void load_sectionsThatContradict_areRefused() {
    assertThat(problems(flags("limits.request-tokens=70000")).getFirst())
        .startsWith("limits.request-tokens = 70000 is above queue.max-tokens = 65536");
    assertThat(problems(flags("batch.max-tokens=70000")).getFirst())
        .startsWith("queue.max-tokens = 65536 is below batch.max-tokens = 70000");
  }

  @Test
  void load_kubernetesServiceLinks_areNobodysSettings() {
    Map<String, String> links = new HashMap<>();
    for (String service : List.of("COFFEY", "COFFEY_SERVER")) {
      links.put(service + "_SERVICE_HOST", "10.0.0.7");
      links.put(service + "_SERVICE_PORT", "8500");
      links.put(service + "_SERVICE_PORT_GRPC", "8500");
      links.put(service + "_PORT", "tcp://10.0.0.7:8500");
      links.put(service + "_PORT_8500_TCP", "tcp://10.0.0.7:8500");
      links.put(service + "_PORT_8500_TCP_ADDR", "10.0.0.7");
    }
    links.put("COFFEY_JAVA_OPTS", "-Xmx1g");
    assertThat(environment(links).load(3).config().grpc().port()).isEqualTo(8500);
    // Without the Service it is a wrong setting again.
    assertThat(problems(environment(Map.of("COFFEY_PORT", "tcp://10.0.0.7:8500")))).hasSize(1);
    // And a real setting is one with the Service's links beside it.
    links.put("COFFEY_SERVER_PORT", "9000");
    assertThat(environment(links).load(3).config().grpc().port()).isEqualTo(9000);
  }

  @Test
  void keys_names_areUniqueInFilesAndInTheEnvironment() {
    assertThat(Keys.ALL.stream().map(Key::name)).doesNotHaveDuplicates();
    assertThat(Keys.ALL.stream().map(Key::variable)).doesNotHaveDuplicates();
  }

  @Test
  void defaults_asAFile_changeNothingAndSetEveryKeyOnceUncommented() throws IOException {
    Path file = folder.resolve("defaults.conf");
    Files.writeString(file, ConfigText.defaults());
    var sources = new ConfigSources(Optional.of(file), Map.of(), List.of());
    assertThat(sources.load(3).settings()).isEmpty();
    Files.writeString(file, ConfigText.defaults().replaceAll("(?m)^#(?=[a-z])", ""));
    assertThat(sources.load(3).settings()).hasSameSizeAs(Keys.ALL);
    assertThat(sources.load(3).config()).isEqualTo(flags().load(3).config());
  }

  @Test
  void documentation_table_isWhatTheKeysSay() throws IOException {
    StringBuilder table =
        new StringBuilder("| key | default | allowed | meaning |\n|---|---|---|---|\n");
    for (Key<?> key : Keys.ALL) {
      table.append(
          "| `%s` | `%s` | %s | %s |%n"
              .formatted(key.name(), key.defaultText(), key.allowed(), key.meaning()));
    }
    assertThat(Files.readString(Path.of("../docs/configuration.md"), StandardCharsets.UTF_8))
        .contains(table.toString());
  }
}
