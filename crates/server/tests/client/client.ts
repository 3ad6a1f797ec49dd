// Code as a developer writes it against the generated types. It is type-checked and never run.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
type Exactly<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

const api = createClient<paths>({ baseUrl: "http://localhost:3000" });

/** Buys the first seat that is free; `undefined` when somebody else was faster. */
export async function buy(sessionId: string, userId: string): Promise<Schemas["Payment"] | undefined> {
  const seats = await api.GET("/seats/{sessionId}", { params: { path: { sessionId } } });
  const free = seats.data?.find((seat) => seat.status === "AVAILABLE");
  if (free === undefined) return undefined;
  const held = await api.POST("/reservations", {
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    body: { seatId: free.id, userId },
  });
  if (held.error !== undefined) {
    // Every error has a code, whatever its status.
    const code: Schemas["Error"]["code"] = held.error.code;
    return code === "seat_held" ? undefined : Promise.reject(new Error(code));
  }
  const path = { reservationId: held.data.id };
  return (await api.POST("/payments/confirm/{reservationId}", { params: { path } })).data;
}

/** Several seats are asked for by another field. */
export const together = (seatIds: string[], userId: string) =>
  api.POST("/reservations", { body: { seatIds, userId } });

// Names and values that a client relies on.
const statuses: Exactly<Schemas["SeatStatus"], "AVAILABLE" | "RESERVED" | "SOLD"> = true;
const price: Exactly<Schemas["Session"]["ticketPrice"], number> = true;
const body: Exactly<Schemas["Reserve"], Schemas["ReserveSeat"] | Schemas["ReserveSeats"]> = true;
export const checked = [statuses, price, body];

// @ts-expect-error a reservation names its seats in one way or the other
api.POST("/reservations", { body: { userId: "ana" } });
