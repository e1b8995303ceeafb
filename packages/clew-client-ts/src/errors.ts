/** What can go wrong: the service's own words, and the name of the error that it raised. */

const PREFIX = "urn:clew:error:";

/** An error of Clew. `name` is the class in `clew.errors`: UsageError, NotFound, Denied, BudgetExceeded, ModelUnavailable, ... */
export class ClewError extends Error {
  /** The HTTP status; 0 where the service was not reached. */
  readonly status: number;
  /** Seconds after which it is worth trying again, where the service said so. */
  readonly retryAfter: number | undefined;

  constructor(name: string, message: string, status: number, retryAfter?: number, options?: ErrorOptions) {
    super(message, options);
    this.name = name;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** What a response that is not ok says, as an error. */
export async function refused(response: Response): Promise<ClewError> {
  const asked = Number(response.headers.get("retry-after") ?? NaN);
  const after = Number.isFinite(asked) ? asked : undefined;
  const text = await response.text();
  try {
    const told = JSON.parse(text) as { type?: string; detail?: string; title?: string };
    const kind = told.type?.startsWith(PREFIX) ? told.type.slice(PREFIX.length) : "ClewError";
    return new ClewError(kind, told.detail ?? told.title ?? response.statusText, response.status, after);
  } catch {
    return new ClewError("ClewError", `${response.status} ${response.statusText}`.trim(), response.status, after);
  }
}
