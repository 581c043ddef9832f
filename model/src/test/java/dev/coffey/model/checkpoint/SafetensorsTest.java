package dev.coffey.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsTest {
  private static final String A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";

  @TempDir Path folder;

  /// Each header stands before 8 bytes of data; the rule that it breaks is the only one it breaks.
  static Stream<Arguments> brokenHeaders() {
    return Stream.of(
        arguments("not JSON", "{nonsense", Problem.BAD_HEADER, "not valid JSON"),
        arguments("an unclosed object", "{" + A, Problem.BAD_HEADER, "not valid JSON"),
        arguments("more after the object", "{" + A + "}{}", Problem.BAD_HEADER, "goes on after"),
        arguments("duplicate name", "{" + A + "," + A + "}", Problem.BAD_HEADER, "Duplicate"),
        arguments(
            "duplicate name by an escape",
            "{" + A + "," + A.replace("\"a\"", "\"\\u0061\"") + "}",
            Problem.BAD_HEADER,
            "Duplicate"),
        arguments(
            "duplicate key",
            "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
            Problem.BAD_HEADER,
            "Duplicate"),
        arguments("tensor no object", "{\"a\":[1]}", Problem.BAD_HEADER, "'a' is described by no"),
        arguments(
            "metadata no object",
            "{\"__metadata__\":3," + A + "}",
            Problem.BAD_HEADER,
            "__metadata__ is no JSON object"),
        arguments(
            "metadata value no string",
            "{\"__metadata__\":{\"format\":{}}," + A + "}",
            Problem.BAD_HEADER,
            "key 'format' holds no string"),
        arguments(
            "unknown key",
            replace("\"dtype\"", "\"x\":1,\"dtype\""),
            Problem.BAD_HEADER,
            "unknown key 'x'"),
        arguments(
            "no dtype", replace("\"dtype\":\"F32\",", ""), Problem.BAD_HEADER, "has no dtype"),
        arguments("no shape", replace("\"shape\":[2],", ""), Problem.BAD_HEADER, "has no shape"),
        arguments(
            "no offsets",
            replace(",\"data_offsets\":[0,8]", ""),
            Problem.BAD_HEADER,
            "has no data_offsets"),
        arguments(
            "unknown dtype",
            replace("F32", "F31"),
            Problem.BAD_HEADER,
            "unknown dtype 'F31'; known: BOOL"),
        arguments(
            "dtype no string",
            replace("\"F32\"", "32"),
            Problem.BAD_HEADER,
            "dtype that is no string"),
        arguments(
            "shape no list", replace("[2]", "2"), Problem.BAD_HEADER, "shape that is no list"),
        arguments(
            "negative shape", replace("[2]", "[-2]"), Problem.BAD_HEADER, "'-2' in its shape"),
        arguments(
            "fraction in shape", replace("[2]", "[2.0]"), Problem.BAD_HEADER, "'2.0' in its shape"),
        arguments(
            "string in shape", replace("[2]", "[\"2\"]"), Problem.BAD_HEADER, "'2' in its shape"),
        arguments(
            "null in shape", replace("[2]", "[null]"), Problem.BAD_HEADER, "'null' in its shape"),
        arguments("nested shape", replace("[2]", "[[2]]"), Problem.BAD_HEADER, "'[' in its shape"),
        arguments(
            "size beyond a long",
            replace("[2]", "[9223372036854775808]"),
            Problem.BAD_HEADER,
            "'9223372036854775808' in its shape"),
        arguments(
            "number of a thousand digits",
            replace("[2]", "[" + "9".repeat(1000) + "]"),
            Problem.BAD_HEADER,
            "not valid JSON"),
        arguments(
            "product beyond a long",
            replace("[2]", "[4294967296,4294967296]"),
            Problem.BAD_LAYOUT,
            "more than 2^63 bits"),
        arguments(
            "product that wraps to the right size",
            replace("[2]", "[4611686018427387904,4,2]"),
            Problem.BAD_LAYOUT,
            "more than 2^63 bits"),
        arguments(
            "rank 33",
            replace("[2]", "[2" + ",1".repeat(32) + "]"),
            Problem.BAD_HEADER,
            "more than 32 numbers"),
        arguments("one offset", replace("[0,8]", "[8]"), Problem.BAD_HEADER, "has 1 data_offsets"),
        arguments(
            "three offsets", replace("[0,8]", "[0,8,8]"), Problem.BAD_HEADER, "has 3 data_offsets"),
        arguments(
            "negative offset",
            replace("[0,8]", "[-1,8]"),
            Problem.BAD_HEADER,
            "'-1' in its data_offsets"),
        arguments(
            "reversed", replace("[0,8]", "[8,0]"), Problem.BAD_LAYOUT, "[8, 0] run backwards"),
        arguments(
            "overrun",
            replace("[2]", "[3]").replace("[0,8]", "[0,12]"),
            Problem.TRUNCATED,
            "overrun the file's 8 bytes"),
        arguments(
            "overrun near 2^63",
            replace("[0,8]", "[9223372036854775799,9223372036854775807]"),
            Problem.TRUNCATED,
            "overrun"),
        arguments(
            "shape needs more",
            replace("[2]", "[3]"),
            Problem.BAD_LAYOUT,
            "needs 12 bytes, data_offsets [0, 8] give 8"),
        arguments(
            "half a byte",
            replace("[2]", "[15]").replace("F32", "F4"),
            Problem.BAD_LAYOUT,
            "needs 60/8 bytes"),
        arguments(
            "trailing bytes",
            replace("[2]", "[1]").replace("[0,8]", "[0,4]"),
            Problem.BAD_LAYOUT,
            "4 bytes after the last tensor"),
        arguments("no tensors", "{}", Problem.BAD_LAYOUT, "8 bytes after the last tensor"),
        arguments(
            "hole at the start",
            replace("[2]", "[1]").replace("[0,8]", "[4,8]"),
            Problem.BAD_LAYOUT,
            "bytes 0 to 4, before tensor 'a'"),
        arguments(
            "overlap",
            "{"
                + A
                + ","
                + A.replace("\"a\"", "\"b\"").replace("[2]", "[1]").replace("[0,8]", "[4,8]")
                + "}",
            Problem.BAD_LAYOUT,
            "'a' and 'b' overlap: the first ends at byte 8, the second begins at 4"),
        arguments(
            "same range twice",
            "{" + A + "," + A.replace("\"a\"", "\"b\"") + "}",
            Problem.BAD_LAYOUT,
            "overlap"),
        arguments(
            "name of 2000 characters",
            "{" + A.replace("\"a\"", "\"" + "n".repeat(2000) + "\"") + "}",
            Problem.BAD_HEADER,
            "not valid JSON"),
        arguments(
            "deep nesting",
            "{\"a\":" + "[".repeat(5000),
            Problem.BAD_HEADER,
            "described by no JSON object"),
        arguments(
            "deep nesting in metadata",
            "{\"__metadata__\":{\"a\":" + "[".repeat(5000),
            Problem.BAD_HEADER,
            "holds no string"));
  }

  private static String replace(String what, String by) {
    return "{" + A.replace(what, by) + "}";
  }

  /// Breaks if the rule is dropped from the parser: the file then opens, or fails for another
  /// reason.
  @ParameterizedTest(name = "{0}")
  @MethodSource("brokenHeaders")
  void open_brokenHeader_saysWhatIsWrong(String name, String header, Problem problem, String says) {
    refused(SafetensorsFile.bytes(header, new byte[8]), problem, says);
  }

  @Test
  void open_goodHeaderOfThoseRules_opens() throws Exception {
    Path file =
        SafetensorsFile.write(
            folder.resolve("f"), SafetensorsFile.bytes("{" + A + "}  ", new byte[8]));
    try (Safetensors opened = Safetensors.open(file)) {
      assertThat(opened.names()).containsExactly("a");
      assertThat(opened.tensor("a").shape()).containsExactly(2L);
    }
  }

  /// Breaks if a length is trusted before it is compared with the file's.
  @Test
  void open_badPrelude_saysWhatIsWrong() {
    refused(new byte[0], Problem.TRUNCATED, "is empty");
    refused(new byte[] {2, 0, 0}, Problem.TRUNCATED, "has 3 bytes");
    refused(new byte[8], Problem.BAD_HEADER, "header length 0");
    refused(length(3, "{}"), Problem.TRUNCATED, "header length 3, but only 2 bytes follow");
    refused(
        length(100_000_001, "{}"),
        Problem.BAD_HEADER,
        "header length 100000001; expected 1 to 100000000");
    refused(length(Long.MAX_VALUE, "{}"), Problem.BAD_HEADER, "header length 9223372036854775807");
    refused(length(-1, "{}"), Problem.BAD_HEADER, "header length 18446744073709551615");
    refused(length(2, "[]"), Problem.BAD_HEADER, "begins with byte 0x5b");
  }

  @Test
  void open_headerNotUtf8_saysSo() {
    byte[] header = ("{" + A + "}").getBytes(StandardCharsets.UTF_8);
    header[2] = (byte) 0xC0;
    refused(SafetensorsFile.bytes(header, new byte[8]), Problem.BAD_HEADER, "not UTF-8");
  }

  /// Breaks if other formats are reported as "header length 67324752".
  @Test
  void open_otherFormats_areNamed() {
    refused(
        latin1("PK\u0003\u0004\u0000\u0000\u0008\u0008 more"),
        Problem.WRONG_FORMAT,
        "a zip file, as torch.save writes it");
    refused(
        latin1("\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019."),
        Problem.WRONG_FORMAT,
        "a Python pickle");
    refused(latin1("\u0089HDF\r\n\u001a\n"), Problem.WRONG_FORMAT, "HDF5");
    refused(latin1("GGUF\u0003"), Problem.WRONG_FORMAT, "GGUF");
    refused(latin1("<!DOCTYPE html><html>"), Problem.WRONG_FORMAT, "download it again");
    refused(
        latin1("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 268\n"),
        Problem.WRONG_FORMAT,
        "git lfs pull");
  }

  /// A header of 640 bytes begins with the bytes 80 02, as a pickle of protocol 2 does.
  @Test
  void open_headerLengthLikePickleMagic_opens() {
    String header = "{" + A + "}";
    byte[] bytes = SafetensorsFile.bytes(header + " ".repeat(0x280 - header.length()), new byte[8]);
    assertThat(Arrays.copyOf(bytes, 2)).containsExactly(0x80, 2);
    try (Safetensors opened = Safetensors.open(SafetensorsFile.write(folder.resolve("f"), bytes))) {
      assertThat(opened.contains("a")).isTrue();
    }
  }

  @Test
  void open_everyPrefixOfAFile_isRefused() {
    byte[] whole = SafetensorsFile.bytes("{" + A + "}", new byte[8]);
    for (int length = 0; length < whole.length; length++) {
      Path file = SafetensorsFile.write(folder.resolve("f"), Arrays.copyOf(whole, length));
      assertThat(catchThrowableOfType(CheckpointException.class, () -> Safetensors.open(file)))
          .as("first %d of %d bytes", length, whole.length)
          .isNotNull();
    }
  }

  @Test
  void open_missingOrFolder_saysSo() {
    assertThat(catchThrowableOfType(CheckpointException.class, () -> Safetensors.open(folder)))
        .returns(Problem.UNREADABLE, CheckpointException::problem)
        .hasMessageContaining("is a folder");
    assertThat(
            catchThrowableOfType(
                CheckpointException.class, () -> Safetensors.open(folder.resolve("none"))))
        .returns(Problem.MISSING_FILE, CheckpointException::problem)
        .hasMessageContaining("none: does not exist");
  }

  /// Breaks if a name from the file reaches a message unescaped or at full length.
  @Test
  void message_hostileName_isEscapedAndCut() {
    String name = "\\u001b[31m\\n" + "x".repeat(500);
    CheckpointException thrown =
        refused(
            SafetensorsFile.bytes("{\"" + name + "\":{}}", new byte[0]),
            Problem.BAD_HEADER,
            "\\u001b[31m\\u000a");
    assertThat(thrown.getMessage()).contains("(506 characters)").doesNotContain("\n", "\u001b");
  }

  /// The model inside the server's jar is read this way.
  @Test
  void open_insideZip_readsTheSameNumbers() throws Exception {
    Path plain = new SafetensorsFile().add("a", "1,3", 1, 2, 3).write(folder.resolve("f"));
    Path zip = folder.resolve("a.zip");
    try (FileSystem inside = FileSystems.newFileSystem(zip, Map.of("create", "true"))) {
      Files.copy(plain, inside.getPath("/f"));
    }
    try (FileSystem inside = FileSystems.newFileSystem(zip);
        Safetensors opened = Safetensors.open(inside.getPath("/f"))) {
      StoredTensor tensor = opened.tensor("a");
      assertThat(tensor.shape()).isEqualTo(List.of(1L, 3L));
      assertThat(tensor.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED)).containsExactly(1, 2, 3);
      assertThat(tensor.data().isReadOnly()).isTrue();
    }
  }

  @Test
  void tensor_emptyAndScalar_haveTheirBytes() {
    Path file =
        new SafetensorsFile()
            .add("none", "F32", "0,7", new byte[0])
            .add("scalar", "")
            .write(folder.resolve("f"));
    assertThat(catchThrowableOfType(CheckpointException.class, () -> Safetensors.open(file)))
        .hasMessageContaining("'scalar'")
        .hasMessageContaining("needs 4 bytes");
    new SafetensorsFile().add("none", "F32", "0,7", new byte[0]).add("scalar", "", 5).write(file);
    try (Safetensors opened = Safetensors.open(file)) {
      assertThat(opened.tensor("none").data().byteSize()).isZero();
      assertThat(opened.tensor("scalar").data().byteSize()).isEqualTo(4);
    }
  }

  private CheckpointException refused(byte[] bytes, Problem problem, String says) {
    Path file = SafetensorsFile.write(folder.resolve("f"), bytes);
    CheckpointException thrown =
        catchThrowableOfType(CheckpointException.class, () -> Safetensors.open(file));
    assertThat(thrown).hasMessageStartingWith(file + ": ").hasMessageContaining(says);
    assertThat(thrown.problem()).isEqualTo(problem);
    return thrown;
  }

  private static byte[] length(long length, String rest) {
    byte[] text = latin1(rest);
    return ByteBuffer.allocate(8 + text.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(length)
        .put(text)
        .array();
  }

  private static byte[] latin1(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
