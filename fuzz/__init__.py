"""Coverage-guided fuzzing of what reads hostile files; run by people, not by CI."""
