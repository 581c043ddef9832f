package dev.coffey.model.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// A question on a text with its right answers.
///
/// @param answers empty where the text has none
public record AnsweredQuestion(String id, String question, String context, List<String> answers) {
  private static final JsonMapper JSON = new JsonMapper();

  public AnsweredQuestion {
    answers = List.copyOf(answers);
  }

  /// The questions of a file in the form of SQuAD 1.1 or 2.0.
  ///
  /// @throws DataException if the file can't be read or has another form
  public static List<AnsweredQuestion> read(Path file) {
    JsonNode data;
    try {
      data = JSON.readTree(DataFile.text(file)).path("data");
    } catch (JsonProcessingException e) {
      throw new DataException(
          "%s: line %d: not valid JSON: %s"
              .formatted(file, e.getLocation().getLineNr(), e.getOriginalMessage()),
          e);
    }
    List<AnsweredQuestion> questions = new ArrayList<>();
    for (JsonNode article : data) {
      for (JsonNode paragraph : article.path("paragraphs")) {
        for (JsonNode asked : paragraph.path("qas")) {
          List<String> answers = new ArrayList<>();
          asked.path("answers").forEach(answer -> answers.add(text(file, answer, "text")));
          questions.add(
              new AnsweredQuestion(
                  asked.path("id").asText(),
                  text(file, asked, "question"),
                  text(file, paragraph, "context"),
                  answers));
        }
      }
    }
    if (questions.isEmpty()) {
      throw new DataException(
          file + ": no questions; expected data[].paragraphs[].qas[] as SQuAD's files have them");
    }
    return questions;
  }

  private static String text(Path file, JsonNode node, String field) {
    if (!node.path(field).isTextual()) {
      throw new DataException("%s: a %s is missing or no string".formatted(file, field));
    }
    return node.path(field).textValue();
  }
}
