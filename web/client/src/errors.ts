/**
 * One error family with closed codes. A sentence is written for the person who reads it: lower
 * case, no full stop, what happened and then what to do. It never repeats what was given (an
 * identifier could be in it), and no error carries the one it came from.
 */

/** Every reason we refuse or fail for; the values are those of the service and other clients. */
export const Code = {
  IIN_CHARACTERS: "iin_characters",
  IIN_LENGTH: "iin_length",
  IIN_CHECK_DIGIT: "iin_check_digit",
  IIN_PLACEHOLDER: "iin_placeholder",
  PHONE_INVALID: "phone_invalid",
  EMAIL_INVALID: "email_invalid",
  EMPTY: "empty",
  BAD_EVALUATION: "bad_evaluation",
  BAD_PARAMETERS: "bad_parameters",
  BAD_SIGNATURE: "bad_signature",
  BAD_RANGE: "bad_range",
  BAD_REGISTER: "bad_register",
  PIN_MISMATCH: "pin_mismatch",
  ROLLED_BACK: "rolled_back",
  VERSION_GONE: "version_gone",
  RATE_LIMITED: "rate_limited",
  UNAUTHORISED: "unauthorised",
  FORBIDDEN: "forbidden",
  PROOF_OF_WORK_REQUIRED: "proof_of_work_required",
  SERVICE_UNREACHABLE: "service_unreachable",
  BAD_FILE: "bad_file",
  BAD_USAGE: "bad_usage",
  INTERNAL: "internal",
} as const;
export type Code = (typeof Code)[keyof typeof Code];

/** Base of the family; never thrown itself. */
export class QorganError extends Error {
  /** The closed reason. */
  readonly code: Code;
  /** One sentence for a person: what happened, and what to do. */
  readonly sentence: string;

  constructor(code: Code, sentence: string) {
    super(sentence);
    this.code = code;
    this.sentence = sentence;
  }
}

/** What was given is refused; nothing was changed, nothing was sent. */
export class InputError extends QorganError {
  override readonly name = "InputError";
}

/** A lookup has no answer. This is never "not found". */
export class CouldNotCheckError extends QorganError {
  override readonly name = "CouldNotCheckError";
}
