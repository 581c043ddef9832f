package dev.coffey.model.tokenize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The 10,570 questions of SQuAD's dev set as the original BERT code tokenizes them with
/// bert-base-uncased's vocabulary. The data are not in the repository: `./mvnw -Psoak
/// -Dcoffey.data=DIR`, where DIR has `tok-conformance/` and `vocab/`.
@Tag("soak")
class SquadConformanceTest {
  @TempDir Path temp;

  @Test
  void encode_questions_equalOriginalBert() throws IOException {
    String given = System.getProperty("coffey.data");
    assumeTrue(given != null, "no -Dcoffey.data=DIR: SQuAD's questions not checked");
    Path data = Path.of(given);
    Path squad = data.resolve("tok-conformance");
    JsonNode questions = read(squad.resolve("squad-dev-question_tokens.json"));
    JsonNode ids = read(squad.resolve("squad-dev-tokenized_questions.json"));
    assertThat(questions.size()).isEqualTo(ids.size()).isEqualTo(10_570);
    for (String[] file :
        new String[][] {
          {"bert-base-uncased-vocab.txt", "vocab.txt"},
          {"bert-base-uncased-tokenizer.json", "tokenizer.json"}
        }) {
      Path folder = Files.createDirectory(temp.resolve(file[1] + ".d"));
      Files.copy(data.resolve("vocab").resolve(file[0]), folder.resolve(file[1]));
      try (Tokenizer tokenizer = Tokenizer.load(folder)) {
        for (int i = 0; i < ids.size(); i++) {
          String text = questions.get(i).get("original").textValue();
          int[] found = tokenizer.encode(text, null, Truncation.NONE, Integer.MAX_VALUE).ids();
          assertThat(Arrays.copyOfRange(found, 1, found.length - 1))
              .as(file[1] + ": " + text)
              .isEqualTo(Fixtures.ints(ids.get(i)));
          List<String> pieces =
              Arrays.stream(found)
                  .skip(1)
                  .limit(found.length - 2L)
                  .mapToObj(tokenizer::piece)
                  .toList();
          assertThat(pieces)
              .isEqualTo(
                  Fixtures.list(questions.get(i).get("wordpiece")).stream()
                      .map(JsonNode::textValue)
                      .toList());
        }
        System.out.printf("SQuAD questions from %s: %d equal%n", file[1], ids.size());
      }
    }
  }

  private static JsonNode read(Path file) throws IOException {
    return Fixtures.JSON.readTree(file.toFile());
  }
}
