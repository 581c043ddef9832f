package dev.coffey.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

class KernelImagesTest {
  private static final Path SOURCES = Path.of("src/main/cuda");

  private static Properties properties() throws Exception {
    Properties properties = new Properties();
    try (InputStream file = KernelImages.class.getResourceAsStream("coffey.properties")) {
      properties.load(file);
    }
    return properties;
  }

  // Breaks if a kernel's source was changed and not compiled: run src/main/cuda/build.py.
  @Test
  void images_committed_areMadeOfTheseSources() throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    try (Stream<Path> files = Files.list(SOURCES)) {
      List<Path> sources =
          files
              .filter(file -> file.toString().matches(".*(\\.cu|\\.cuh|/build\\.py)"))
              .sorted(Comparator.comparing(file -> file.getFileName().toString()))
              .toList();
      assertThat(sources).hasSizeGreaterThan(10);
      for (Path source : sources) {
        digest.update((source.getFileName() + "\n").getBytes(StandardCharsets.UTF_8));
        digest.update(Files.readAllBytes(source));
      }
    }
    assertThat(HexFormat.of().formatHex(digest.digest()))
        .as("run kernels/src/main/cuda/build.py and commit what it writes")
        .isEqualTo(properties().getProperty("sources.sha256"));
  }

  // Breaks if an image was replaced and not its hash.
  @Test
  void images_each_hasItsHash() throws Exception {
    Properties properties = properties();
    for (String name : List.of("coffey.fatbin", "coffey-sm75.ptx", "coffey-sm80.ptx")) {
      try (InputStream file =
          new GZIPInputStream(
              Objects.requireNonNull(KernelImages.class.getResourceAsStream(name + ".gz")))) {
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(file.readAllBytes());
        assertThat(HexFormat.of().formatHex(hash))
            .as(name)
            .isEqualTo(properties.getProperty(name + ".sha256"));
      }
    }
  }
}
