package dev.coffey.model.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.model.eval.LabelledText.Columns;
import dev.coffey.model.task.Entity;
import dev.coffey.model.task.Span;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataFilesTest {
  @TempDir Path folder;

  @Test
  void labelledTexts_columnsByName_areThoseOfTheHeader() throws IOException {
    Path file =
        write("a.tsv", "\uFEFFQuality\t#1 String\t#2 String\r\n1\tsays \"so\tno\"\r\n\r\n0\tc\td");
    assertThat(
            LabelledText.read(file, new Columns("#1 String", Optional.of("#2 String"), "Quality")))
        .containsExactly(
            new LabelledText("says \"so", Optional.of("no\""), "1"),
            new LabelledText("c", Optional.of("d"), "0"));
  }

  @Test
  void labelledTexts_columnsByNumber_haveNoHeader() throws IOException {
    Path file = write("a.tsv", "ham\tone\u2028two\nspam\twin\tmore\n");
    assertThat(LabelledText.read(file, new Columns("2", Optional.empty(), "1")))
        .containsExactly(
            new LabelledText("one\u2028two", Optional.empty(), "ham"),
            new LabelledText("win", Optional.empty(), "spam"));
  }

  @Test
  void labelledTexts_packedFile_isUnpacked() throws IOException {
    Path file = folder.resolve("a.tsv.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write("x\ty\n".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(LabelledText.read(file, new Columns("1", Optional.empty(), "2"))).hasSize(1);
  }

  @Test
  void labelledTexts_wrongColumn_namesFileAndLine() throws IOException {
    Path file = write("a.tsv", "label\ttext\n0\tx\n1\n");
    assertThatThrownBy(
            () -> LabelledText.read(file, new Columns("text", Optional.empty(), "label")))
        .isInstanceOf(DataException.class)
        .hasMessageEndingWith("a.tsv: line 3 has 1 columns; column 2 is wanted");
    assertThatThrownBy(
            () -> LabelledText.read(file, new Columns("sentence", Optional.empty(), "label")))
        .hasMessageEndingWith("a.tsv: no column 'sentence'; its columns are [label, text]");
  }

  @Test
  void taggedSentences_blankLines_partThem() throws IOException {
    Path file =
        write(
            "a.conll",
            "-DOCSTART- -X- O O\n\nA NNP B-PER\nb VBZ O\n \nc\u00A0d X I-LOC\n\n\uFEFF\n");
    assertThat(TaggedSentence.read(file))
        .containsExactly(
            new TaggedSentence(List.of("A", "b"), List.of("B-PER", "O")),
            new TaggedSentence(List.of("c\u00A0d"), List.of("I-LOC")));
  }

  @Test
  void taggedSentences_languageBeforeEveryWord_isTakenOff() throws IOException {
    assertThat(TaggedSentence.read(write("a", "en:Sioux\tB-ORG\nen:en:\tO\n")))
        .containsExactly(new TaggedSentence(List.of("Sioux", "en:"), List.of("B-ORG", "O")));
    assertThat(TaggedSentence.read(write("b", "en:Sioux\tB-ORG\nFalls\tO\n")).getFirst().words())
        .containsExactly("en:Sioux", "Falls");
  }

  @Test
  void taggedSentences_lineWithoutTag_isNamed() throws IOException {
    Path file = write("a.conll", "A O\nb\n");
    assertThatThrownBy(() -> TaggedSentence.read(file))
        .isInstanceOf(DataException.class)
        .hasMessageEndingWith("a.conll: line 2 has no tag; expected a word and its tag");
  }

  /// "😀" is one code point and has no token; "don't" has three, of which the first counts.
  @Test
  void tagsOf_tokens_areThoseOfTheWordsFirstTokens() {
    TaggedSentence sentence =
        new TaggedSentence(List.of("😀", "don't", "go"), List.of("O", "O", "O"));
    assertThat(sentence.text()).isEqualTo("😀 don't go");
    List<Entity> tokens = new ArrayList<>();
    tokens.add(token("X", 2, 5));
    tokens.add(token("Y", 5, 6));
    tokens.add(token("Y", 6, 7));
    tokens.add(token("Z", 8, 10));
    assertThat(sentence.tagsOf(tokens)).containsExactly("O", "X", "Z");
    assertThat(sentence.tagsOf(tokens.subList(0, 2))).containsExactly("O", "X", "O");
  }

  private static Entity token(String label, int start, int end) {
    return new Entity(label, 1, "", new Span("", start, end, start, end));
  }

  @Test
  void answeredQuestions_squad_areReadWithAndWithoutAnswers() throws IOException {
    Path file =
        write(
            "a.json",
            """
            {"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": "Bees dance.", "qas": [
              {"id": "1", "question": "Who?", "answers": [{"text": "Bees", "answer_start": 0}, {"text": "bees", "answer_start": 0}]},
              {"id": "2", "question": "Why?", "answers": [], "is_impossible": true}]}]}]}
            """);
    assertThat(AnsweredQuestion.read(file))
        .containsExactly(
            new AnsweredQuestion("1", "Who?", "Bees dance.", List.of("Bees", "bees")),
            new AnsweredQuestion("2", "Why?", "Bees dance.", List.of()));
  }

  @Test
  void answeredQuestions_otherFiles_areRefusedWithTheirName() throws IOException {
    assertThatThrownBy(() -> AnsweredQuestion.read(write("a.json", "{\"data\": ]")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("a.json: line 1: not valid JSON");
    assertThatThrownBy(() -> AnsweredQuestion.read(write("b.json", "{}")))
        .hasMessageContaining("b.json: no questions; expected data[].paragraphs[].qas[]");
    assertThatThrownBy(() ->
            AnsweredQuestion.read(
                write("c.json", "{\"data\":[{\"paragraphs\":[{\"qas\":[{\"id\":1}]}]}]}")))
        .hasMessageEndingWith("c.json: a question is missing or no string");
    assertThatThrownBy(() -> AnsweredQuestion.read(folder.resolve("none.json")))
        .hasMessageContaining("none.json: can't be read");
  }

  private Path write(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content);
  }
}
