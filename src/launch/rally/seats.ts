/**
 * Which rank a member gets. Ranks are unique and stable: a member that comes back gets its old one, to the next
 * generation too, if nobody was faster; a rank somebody holds is never given away; a rank whose holder is gone is given
 * only to one that asks for it, or when no other is free. Pure.
 */
import type { Refusal } from '../../errors.ts';
import { isPresent, type Place } from './places.ts';
import type { Hello } from './rally.ts';
import { countMissing, type Roll } from './roll.ts';
import { members, shown } from './words.ts';

export type Seating = { readonly rank: number } | { readonly refusal: Refusal };

export function seatFor(roll: Roll, hello: Hello): Seating {
  const { worldSize, self } = roll.rules;
  if (hello.member === self.member) return { refusal: namedLikeTheHead(hello, self) };
  const wanted = hello.wantedRank;
  if (wanted === undefined) return anySeat(roll, hello);
  if (wanted === 0) return { refusal: wantsRankOfHead(hello, self) };
  if (wanted >= worldSize) return { refusal: outOfRange(hello, wanted, worldSize) };
  const holder = roll.places.get(wanted);
  if (!holder || holder.hello.member === hello.member || !isPresent(holder)) return { rank: wanted };
  return { refusal: taken(hello, holder) };
}

function anySeat(roll: Roll, hello: Hello): Seating {
  const { worldSize } = roll.rules;
  const { places } = roll;
  const own = places.named(hello.member);
  if (own) return { rank: own.rank };
  const { preferredRank = 0 } = hello;
  if (preferredRank > 0 && preferredRank < worldSize && !places.get(preferredRank)) return { rank: preferredRank };
  const free = places.lowestFree;
  if (free < worldSize) return { rank: free };
  const abandoned = countMissing(roll) > 0 && [...places.values()].find((place) => !isPresent(place));
  if (abandoned) return { rank: abandoned.rank };
  const holders = [...places.values()].slice(0, 16).map((place) => `${place.rank} ${place.hello.member}`);
  return {
    refusal: {
      code: 'RANK_TAKEN',
      message: `no seat for ${hello.member} at ${hello.address}: the group has ${members(worldSize)} and all are here (${holders.join(', ')})`,
      hint: 'Start as many machines as the group has members, or raise the size on the head.',
    },
  };
}

const namedLikeTheHead = (hello: Hello, self: Hello): Refusal => ({
  code: 'RANK_TAKEN',
  message: `the member at ${hello.address} calls itself ${shown(hello.member)}, which is the head at ${self.address}`,
  hint: 'Give every member its own name; names come from the topology or the hostname.',
});

const wantsRankOfHead = (hello: Hello, self: Hello): Refusal => ({
  code: 'RANK_TAKEN',
  message: `${hello.member} at ${hello.address} asks for rank 0, which the head ${self.member} at ${self.address} holds`,
  hint: 'Give workers ranks from 1; check that the index of each machine reaches its container.',
});

const outOfRange = (hello: Hello, wanted: number, worldSize: number): Refusal => ({
  code: 'TOPOLOGY_INVALID',
  message: `${hello.member} at ${hello.address} asks for rank ${wanted}, the group has ranks 0 to ${worldSize - 1} (size ${worldSize})`,
  hint: 'Make the number of machines and the group size of the head the same.',
});

const taken = (hello: Hello, { rank, hello: holder }: Place): Refusal => ({
  code: 'RANK_TAKEN',
  message: `${hello.member} at ${hello.address} asks for rank ${rank}, which ${holder.member} at ${holder.address} holds`,
  hint: 'Give every member its own rank, or stop the other one first.',
});
