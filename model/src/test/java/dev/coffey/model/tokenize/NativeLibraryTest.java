package dev.coffey.model.tokenize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
  @TempDir Path folder;

  @Test
  void resource_platformsOfTheJar_areInIt() {
    for (String[] platform :
        new String[][] {{"Linux", "amd64"}, {"Linux", "aarch64"}, {"Mac OS X", "aarch64"}}) {
      assertThat(NativeLibrary.class.getResource(NativeLibrary.resource(platform[0], platform[1])))
          .as(String.join(" ", platform))
          .isNotNull();
    }
  }

  @Test
  void resource_otherPlatform_saysWhichThereAre() {
    assertThatThrownBy(() -> NativeLibrary.resource("Linux", "riscv64"))
        .isInstanceOf(TokenizerException.class)
        .hasMessage(
            "no tokenizers library for linux-riscv64; there is one for linux-x86_64, linux-aarch64 and osx-aarch64");
  }

  @Test
  void extract_library_isForThisUserOnly() throws IOException {
    Path file = NativeLibrary.extract(NativeLibrary.resource("Linux", "amd64"), folder);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(Files.size(file)).isGreaterThan(1_000_000);
  }

  @Test
  void extract_folderThatCantBeWritten_namesItAndTheRemedy() throws IOException {
    Path missing = folder.resolve("missing");
    assertThatThrownBy(
            () -> NativeLibrary.extract(NativeLibrary.resource("Linux", "amd64"), missing))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContainingAll(missing.toString(), "-Djava.io.tmpdir=DIR");
    try (Stream<Path> left = Files.list(folder)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void load_afterwards_leavesNothingBehind() throws IOException {
    NativeLibrary.load(
        NativeLibrary.resource(System.getProperty("os.name"), System.getProperty("os.arch")),
        folder);
    try (Stream<Path> left = Files.list(folder)) {
      assertThat(left).isEmpty();
    }
  }
}
