// SPDX-License-Identifier: Apache-2.0
// The front end of the pipeline: fetch, loops, decode, semaphores, and the way into the schedulers. Part of pipeline.h.
#pragma once
#include "dojo/core/faults.h"
#include "dojo/core/pipeline.h"

namespace dojo::core {

template <class M, class N, class O>
Pipeline<M, N, O>::Pipeline(const Params& params, const Work& work, M& memory, N& network, O observer)
    : params_(params),
      memory_(memory),
      network_(network),
      observer_(observer),
      scalar_(entries_of_group(work), params.scalar_entries),
      vector_(entries_of_group(work), params.vector_entries) {
  int groups = 0;
  for (std::size_t i = 0; i < kThreads; ++i) {
    const Program* program = work.threads[i];
    if (program == nullptr) continue;
    Thread& thread = threads_[i];
    thread.program = program;
    thread.group = groups++;
    thread.fetched_all = false;
    living_ |= 1u << i;
    if (!program->endless) ends_ |= 1u << i;
  }
  if (ends_ == 0) ends_ = living_;
}

template <class M, class N, class O>
std::uint32_t Pipeline<M, N, O>::next_instruction(int number) {
  Thread& thread = threads_[static_cast<std::size_t>(number)];
  if (thread.fetched.size() != 0) return thread.fetched.front().index;
  return thread.fetched_all ? static_cast<std::uint32_t>(thread.program->size() - 1) : thread.next_fetch;
}

/// The one with the least fetched, of those that have room for a whole fetch; they take turns.
template <class M, class N, class O>
int Pipeline<M, N, O>::fetching_thread() const {
  int best = -1;
  for (unsigned k = 0; k < kThreads; ++k) {
    const unsigned number = (next_fetch_ + k) % kThreads;
    const Thread& thread = threads_[number];
    if (thread.fetched_all || thread.leaving_loop || thread.fetch_from > now_) continue;
    if (thread.fetched.size() + params_.fetch_width > params_.fetch_buffer) continue;
    if (best < 0 || thread.fetched.size() < threads_[static_cast<std::size_t>(best)].fetched.size())
      best = static_cast<int>(number);
  }
  return best;
}

template <class M, class N, class O>
void Pipeline<M, N, O>::fetch() {
  const int number = fetching_thread();
  if (number < 0) return;
  next_fetch_ = static_cast<unsigned>(number) + 1;
  Thread& thread = threads_[static_cast<std::size_t>(number)];
  for (int n = 0; n < params_.fetch_width; ++n)
    if (!fetch_one(thread)) return;
}

/// False when the fetch of this cycle ends behind it.
template <class M, class N, class O>
bool Pipeline<M, N, O>::fetch_one(Thread& thread) {
  const std::uint32_t index = thread.next_fetch++;
  const Instruction& instruction = thread.program->instructions[index];
  bool leaves = false, goes_on = true;
  if (instruction.op == Op::kLoop) {
    thread.loops[static_cast<std::size_t>(thread.depth++)] = {index + 1, instruction.count};
  } else if (instruction.op == Op::kEnd) {
    Thread::Loop& loop = thread.loops[static_cast<std::size_t>(thread.depth - 1)];
    goes_on = false;
    if (loop.left == 0 || --loop.left > 0) {
      thread.next_fetch = loop.start;
    } else {
      --thread.depth;
      leaves = thread.leaving_loop = !params_.loop_exits_predicted;
      goes_on = !leaves;
    }
  } else if (instruction.op == Op::kHalt) {
    thread.fetched_all = true;
    goes_on = false;
  }
  thread.fetched.push({index, leaves});
  return goes_on;
}

template <class M, class N, class O>
void Pipeline<M, N, O>::decode() {
  int budget = params_.decode_width, threads = 0;
  const unsigned first = next_decode_;
  bool all_wait = true;
  for (unsigned k = 0; k < kThreads; ++k) {
    const unsigned number = (first + k) % kThreads;
    if ((living_ >> number & 1) == 0) continue;
    Thread& thread = threads_[number];
    all_wait = all_wait && thread.under_way == 0;
    if (thread.halted) {
      count_cycle(Decoded::kHalt);
    } else if (thread.decode_from > now_) {
      count_cycle(Decoded::kSemaphore);
      all_wait = false;
    } else if (thread.fetched.size() == 0) {
      ++counters_.front_end_thread_cycles;
      all_wait = false;
    } else if (budget == 0 || threads == params_.decode_threads) {
      ++counters_.decoder_thread_cycles;
      all_wait = false;
    } else {
      const int before = budget;
      const Decoded why = decode_some(thread, static_cast<int>(number), budget);
      all_wait = all_wait && why == Decoded::kSemaphore;
      count_cycle(why);
      if (budget != before && threads++ == 0) next_decode_ = (number + 1) % kThreads;
    }
  }
  stuck_ = all_wait && raised_ == 0;
}

template <class M, class N, class O>
void Pipeline<M, N, O>::count_cycle(Decoded why) {
  switch (why) {
    case Decoded::kYes:
      ++counters_.decoding_thread_cycles;
      return;
    case Decoded::kScalarFull:
      ++counters_.scalar_full_thread_cycles;
      return;
    case Decoded::kVectorFull:
      ++counters_.vector_full_thread_cycles;
      return;
    case Decoded::kSemaphore:
      ++counters_.semaphore_thread_cycles;
      return;
    case Decoded::kNoValues:
      ++counters_.values_thread_cycles;
      return;
    case Decoded::kHalt:
      ++counters_.drain_thread_cycles;
      return;
  }
}

/// As many as the decoders and the schedulers take; says what stopped it when that was the first.
template <class M, class N, class O>
typename Pipeline<M, N, O>::Decoded Pipeline<M, N, O>::decode_some(Thread& thread, int number, int& budget) {
  bool any = false;
  while (budget > 0 && thread.fetched.size() != 0 && thread.decode_from <= now_ && !thread.halted) {
    const FetchedInstruction fetched = thread.fetched.front();
    const Decoded result = decode_one(thread, number, fetched);
    if (result != Decoded::kYes) return any ? Decoded::kYes : result;
    any = true;
    thread.fetched.pop();
    --budget;
    ++counters_.instructions;
  }
  return Decoded::kYes;
}

template <class M, class N, class O>
typename Pipeline<M, N, O>::Decoded Pipeline<M, N, O>::decode_one(Thread& thread, int number,
                                                                  const FetchedInstruction& fetched) {
  const Instruction& instruction = thread.program->instructions[fetched.index];
  observer_.decoded(number, fetched.index, age_, now_);
  switch (instruction.op) {
    case Op::kWait:
      return decode_wait(thread, instruction);
    case Op::kSignal:
      return decode_signal(thread, instruction);
    case Op::kLoop:
      break;
    case Op::kEnd:
      if (fetched.leaves_loop) {
        thread.leaving_loop = false;
        thread.fetch_from = now_ + params_.loop_exit_cycles;
      }
      break;
    case Op::kHalt:
      thread.halted = true;
      break;
    case Op::kLoadImmediate:
      thread.scalars[instruction.destination] = static_cast<std::uint32_t>(instruction.immediate);
      values_.set(number, instruction.destination);
      break;
    case Op::kAddImmediate:
    case Op::kScalar:
      return decode_scalar(thread, number, instruction);
    case Op::kLoad:
    case Op::kStore:
    case Op::kSend:
      return decode_memory(thread, number, fetched);
    case Op::kFma:
    case Op::kShuffle:
    case Op::kMatrix:
    case Op::kReadSum:
      return decode_vector(thread, number, fetched);
  }
  ++age_;
  return Decoded::kYes;
}

template <class M, class N, class O>
typename Pipeline<M, N, O>::Decoded Pipeline<M, N, O>::decode_wait(Thread& thread, const Instruction& instruction) {
  std::int64_t& semaphore = semaphores_[static_cast<std::size_t>(instruction.immediate)];
  if (semaphore < instruction.count) return Decoded::kSemaphore;
  semaphore -= instruction.count;
  thread.decode_from = now_ + params_.semaphore_cycles - 1;  // one cycle went by until the signal was seen
  ++age_;
  return Decoded::kYes;
}

template <class M, class N, class O>
typename Pipeline<M, N, O>::Decoded Pipeline<M, N, O>::decode_signal(Thread& thread, const Instruction& instruction) {
  if (thread.signals.size() == kPendingSignals) return Decoded::kSemaphore;
  thread.signals.push({instruction.immediate, instruction.count, thread.stores_decoded});
  fire_signals(thread);
  ++age_;
  return Decoded::kYes;
}

template <class M, class N, class O>
typename Pipeline<M, N, O>::Decoded Pipeline<M, N, O>::decode_scalar(Thread& thread, int number,
                                                                     const Instruction& instruction) {
  const int index = scalar_.free_entry(thread.group);
  if (index < 0) return Decoded::kScalarFull;
  if (!values_.has_room()) return Decoded::kNoValues;
  Entry& entry = scalar_[index];
  entry = Entry{};
  entry.age = age_++;
  entry.thread = static_cast<std::uint8_t>(number);
  for (const std::uint8_t place : instruction.sources) {
    if (place == kNoRegister) break;
    const ValueId id = values_.scalar(number, place);
    if (id != kNoValue && values_.wait(id, index)) ++entry.waits;
  }
  if (instruction.op == Op::kAddImmediate)
    thread.scalars[instruction.destination] += static_cast<std::uint32_t>(instruction.immediate);
  values_.write(number, instruction.destination, kNoEntry, 0, false, entry.result);
  scalar_.hold(index);
  ++thread.under_way;
  return Decoded::kYes;
}

/// Address, lines and the wait for the address register of a memory operand.
template <class M, class N, class O>
void Pipeline<M, N, O>::set_address(Entry& entry, int index, Thread& thread, int number, std::uint32_t at) {
  const Instruction& instruction = thread.program->instructions[at];
  entry.age = age_;
  entry.thread = static_cast<std::uint8_t>(number);
  entry.address = thread.scalars[instruction.base] + static_cast<std::uint32_t>(instruction.immediate);
  entry.lines = static_cast<std::uint8_t>(instruction.lines + (entry.address % kLineBytes != 0 ? 1 : 0));
  const std::int32_t lines = instruction.op == Op::kSend ? instruction.count : instruction.lines;
  const std::uint64_t bytes = kLineBytes * static_cast<std::uint64_t>(lines);
  if (entry.address + bytes > params_.sram_bytes) [[unlikely]] {
    fail_address(*thread.program, at, number, static_cast<std::int32_t>(entry.address), bytes, params_.sram_bytes,
                 now_);
  }
  const ValueId base = values_.scalar(number, instruction.base);
  if (base != kNoValue && values_.wait(base, index)) ++entry.waits;
}

template <class M, class N, class O>
void Pipeline<M, N, O>::write_register(Entry& entry, int number, std::uint8_t place, EntryId id,
                                       std::uint8_t own_reads) {
  if (values_.write(number, place, id, own_reads, !params_.register_renaming, entry.result)) ++entry.waits;
}

template <class M, class N, class O>
typename Pipeline<M, N, O>::Decoded Pipeline<M, N, O>::decode_memory(Thread& thread, int number,
                                                                     const FetchedInstruction& fetched) {
  const int index = scalar_.free_entry(thread.group);
  if (index < 0) return Decoded::kScalarFull;
  if (!values_.has_room()) return Decoded::kNoValues;
  const Instruction& instruction = thread.program->instructions[fetched.index];
  Entry& entry = scalar_[index];
  entry = Entry{};
  set_address(entry, index, thread, number, fetched.index);
  if (instruction.op == Op::kLoad) {
    entry.unit = Unit::kLoad;
    entry.to_register = true;
    write_register(entry, number, instruction.destination, static_cast<EntryId>(index), 0);
  } else if (instruction.op == Op::kStore) {
    entry.unit = Unit::kStore;
    entry.data = values_.read(number, instruction.sources[0]);  // read when the store leaves its queue
    ++thread.stores_decoded;
  } else {
    entry.unit = Unit::kSend;
    entry.packets = static_cast<std::uint16_t>(instruction.count);
    ++thread.stores_decoded;
  }
  ++age_;
  scalar_.hold(index);
  ++thread.under_way;
  return Decoded::kYes;
}

/// The memory half of load and execute: a load into a buffer.
template <class M, class N, class O>
ValueId Pipeline<M, N, O>::add_operand_load(Thread& thread, int number, int index, const FetchedInstruction& fetched) {
  Entry& entry = scalar_[index];
  entry = Entry{};
  set_address(entry, index, thread, number, fetched.index);
  entry.unit = Unit::kLoad;
  entry.result = values_.buffer();
  scalar_.hold(index);
  ++thread.under_way;
  return entry.result;
}

template <class M, class N, class O>
typename Pipeline<M, N, O>::Decoded Pipeline<M, N, O>::decode_vector(Thread& thread, int number,
                                                                     const FetchedInstruction& fetched) {
  const Instruction& instruction = thread.program->instructions[fetched.index];
  const int index = vector_.free_entry(thread.group);
  if (index < 0) return Decoded::kVectorFull;
  const int load = instruction.base == kNoRegister ? 0 : scalar_.free_entry(thread.group);
  if (load < 0) return Decoded::kScalarFull;
  if (!values_.has_room()) return Decoded::kNoValues;
  Entry& entry = vector_[index];
  entry = Entry{};
  entry.age = age_;
  entry.thread = static_cast<std::uint8_t>(number);
  entry.unit = instruction.op == Op::kMatrix ? Unit::kMatrix : instruction.op == Op::kFma ? Unit::kFma : Unit::kShuffle;
  std::size_t sources = 0;
  std::uint8_t own_reads = 0;
  const auto& named = instruction.sources;
  for (std::size_t i = 0; i < named.size() && named[i] != kNoRegister; ++i) {
    if ((i > 0 && named[i] == named[0]) || (i > 1 && named[i] == named[1])) continue;  // one reader, however often
    const ValueId id = values_.read(number, named[i]);
    if (values_.wait(id, index)) ++entry.waits;
    if (named[i] == instruction.destination) ++own_reads;
    entry.sources[sources++] = id;
  }
  if (instruction.base != kNoRegister) {
    const ValueId id = add_operand_load(thread, number, load, fetched);
    if (values_.wait(id, index)) ++entry.waits;
    entry.sources[sources++] = id;
  }
  if (instruction.op == Op::kMatrix && !instruction.starts_sum) {
    const ValueId id = values_.read(number, instruction.destination);
    if (values_.wait_for_sum(id, index)) ++entry.waits;
    ++own_reads;
    entry.sources[sources++] = id;
  }
  write_register(entry, number, instruction.destination, vector_id(index), own_reads);
  ++age_;
  vector_.hold(index);
  ++thread.under_way;
  return Decoded::kYes;
}

}  // namespace dojo::core
