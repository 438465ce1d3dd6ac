// SPDX-License-Identifier: Apache-2.0
// The back end of the pipeline: results that arrive, queues that drain, issues of both schedulers. Part of pipeline.h.
#pragma once
#include <algorithm>

#include "dojo/core/pipeline.h"

namespace dojo::core {

template <class M, class N, class O>
void Pipeline<M, N, O>::tick(Cycles now) {
  now_ = now;
  ++counters_.cycles;
  arrive();
  see_signals();
  drain_sends();
  drain_stores();
  vector_slots_ = params_.vector_issues;
  int issues = params_.scalar_issues;
  issue_integers(issues);
  issue_addresses(issues);
  issue_vectors();
  decode();
  fetch();
  finish();
}

template <class M, class N, class O>
void Pipeline<M, N, O>::arrive() {
  values_.arrive(now_, [this](std::uint8_t place, std::uint64_t waiters) {
    if (place < kFirstVector) {
      scalar_.operands_came(waiters);
    } else {
      vector_.operands_came(waiters);
    }
  });
}

template <class M, class N, class O>
void Pipeline<M, N, O>::see_signals() {
  for (; raised_ != 0; raised_ &= raised_ - 1) {
    const std::size_t semaphore = lowest_bit(raised_);
    semaphores_[semaphore] = saturating_sum(semaphores_[semaphore], raised_by_[semaphore]);
    raised_by_[semaphore] = 0;
  }
}

/// A store or send of the thread has left the core.
template <class M, class N, class O>
void Pipeline<M, N, O>::left(Thread& thread) {
  --thread.under_way;
  ++thread.stores_left;
  fire_signals(thread);
}

template <class M, class N, class O>
void Pipeline<M, N, O>::fire_signals(Thread& thread) {
  while (thread.signals.size() != 0 && thread.signals.front().after <= thread.stores_left) {
    signal(thread.signals.front().semaphore, thread.signals.front().count);
    thread.signals.pop();
  }
}

template <class M, class N, class O>
void Pipeline<M, N, O>::drain_sends() {
  for (int port = 0; port < params_.read_ports && sends_.size() != 0; ++port) {
    Cycles& from = read_port_from_[static_cast<std::size_t>(port)];
    if (from > now_) continue;
    if (!network_.ready()) return;
    SendUnderWay& send = sends_.front();
    const Cycles granted = memory_.access(send.address, false, now_);
    from = granted + 1;
    network_.send(send.address, granted);
    ++counters_.packets_sent;
    send.address += kLineBytes;
    if (--send.packets != 0) continue;
    left(threads_[send.thread]);
    sends_.pop();
  }
}

/// Threads take turns among those whose oldest store has its data; -1: none.
template <class M, class N, class O>
int Pipeline<M, N, O>::storing_thread() {
  for (unsigned k = 0; k < kThreads; ++k) {
    const unsigned number = (next_store_ + k) % kThreads;
    Thread& thread = threads_[number];
    if (thread.stores.size() != 0 && values_.full(thread.stores.front().data)) return static_cast<int>(number);
  }
  return -1;
}

template <class M, class N, class O>
void Pipeline<M, N, O>::drain_stores() {
  if (stores_waiting_ == 0) return;
  for (int port = 0; port < params_.store_ports; ++port) {
    Cycles& from = store_port_from_[static_cast<std::size_t>(port)];
    if (from > now_) continue;
    const int number = storing_thread();
    if (number < 0) return;
    Thread& thread = threads_[static_cast<std::size_t>(number)];
    const StoreUnderWay store = thread.stores.front();
    Cycles granted = memory_.access(store.address, true, now_);
    for (std::uint32_t line = 1; line < store.lines; ++line)
      granted = memory_.access(store.address + line * kLineBytes, true, granted + 1);
    from = granted + 1;
    counters_.store_lines += store.lines;
    values_.reader_gone(store.data, waker());
    thread.stores.pop();
    --stores_waiting_;
    left(thread);
    next_store_ = static_cast<unsigned>(number) + 1;
  }
}

template <class M, class N, class O>
void Pipeline<M, N, O>::issue_integers(int& issues) {
  for (int unit = 0; unit < params_.integer_units && issues > 0; ++unit, --issues) {
    const std::uint64_t ready = scalar_.ready(Unit::kInteger);
    if (ready == 0) return;
    const int index = scalar_.oldest(ready);
    Entry& entry = scalar_[index];
    ++counters_.integer_issues;
    const Cycles done = now_ + params_.integer_latency;
    observer_.issued(entry.age, Unit::kInteger, now_, done);
    values_.issued(entry.result, now_, done, waker());
    --threads_[entry.thread].under_way;
    scalar_.let_go(index);
  }
}

template <class M, class N, class O>
void Pipeline<M, N, O>::issue_addresses(int issues) {
  std::uint64_t ready = scalar_.ready(Unit::kLoad) | scalar_.ready(Unit::kStore) | scalar_.ready(Unit::kSend);
  int generators = params_.address_generators;
  while (ready != 0) {
    if (issues == 0 ||
        (generators == 0 && params_.store_takes_address_generator && params_.send_takes_address_generator)) {
      ++counters_.address_stall_cycles;
      return;
    }
    const std::uint64_t loads = ready & scalar_.ready(Unit::kLoad);
    const int index = scalar_.oldest(params_.loads_first && loads != 0 ? loads : ready);
    ready &= ~Scheduler::bit(index);
    const Unit unit = scalar_[index].unit;
    const int group = threads_[scalar_[index].thread].group;
    const bool takes = unit == Unit::kLoad || (unit == Unit::kStore ? params_.store_takes_address_generator
                                                                    : params_.send_takes_address_generator);
    if (takes && generators == 0) continue;
    bool went = false;
    if (unit == Unit::kLoad) {
      went = issue_load(index);
      if (!went) ready &= ~scalar_.ready(Unit::kLoad);
    } else if (unit == Unit::kStore) {
      went = issue_store(index);
      if (!went) ready &= ~(scalar_.ready(Unit::kStore) & scalar_.group(group));
    } else {
      went = issue_send(index);
      if (!went) ready &= ~scalar_.ready(Unit::kSend);
    }
    if (!went) continue;
    ++counters_.address_issues;
    generators -= takes ? 1 : 0;
    --issues;
    scalar_.let_go(index);
  }
}

template <class M, class N, class O>
bool Pipeline<M, N, O>::issue_load(int index) {
  const auto ports = load_port_from_.begin();
  const auto port = std::find_if(ports, ports + params_.load_ports, [this](Cycles from) { return from <= now_; });
  if (port == ports + params_.load_ports) {
    ++counters_.port_stall_cycles;
    return false;
  }
  Entry& entry = scalar_[index];
  if (entry.to_register && params_.load_takes_vector_slot) {
    if (vector_slots_ == 0) return false;
    --vector_slots_;
  }
  Cycles granted = memory_.access(entry.address, false, now_);
  for (std::uint32_t line = 1; line < entry.lines; ++line)
    granted = memory_.access(entry.address + line * kLineBytes, false, granted + 1);
  *port = granted + 1;
  counters_.load_lines += entry.lines;
  const Cycles done = granted + params_.sram_latency;
  observer_.issued(entry.age, Unit::kLoad, now_, done);
  values_.issued(entry.result, now_, done, waker());
  --threads_[entry.thread].under_way;
  return true;
}

template <class M, class N, class O>
bool Pipeline<M, N, O>::issue_store(int index) {
  Entry& entry = scalar_[index];
  Thread& thread = threads_[entry.thread];
  if (thread.stores.size() == params_.store_queue) {
    ++counters_.queue_stall_cycles;
    return false;
  }
  observer_.issued(entry.age, Unit::kStore, now_, now_ + 1);
  thread.stores.push({entry.address, entry.data, entry.lines});
  ++stores_waiting_;
  return true;
}

template <class M, class N, class O>
bool Pipeline<M, N, O>::issue_send(int index) {
  if (sends_.size() == params_.send_queue) {
    ++counters_.queue_stall_cycles;
    return false;
  }
  const Entry& entry = scalar_[index];
  observer_.issued(entry.age, Unit::kSend, now_, now_ + 1);
  sends_.push({entry.address, entry.packets, entry.thread});
  return true;
}

template <class M, class N, class O>
void Pipeline<M, N, O>::issue_vectors() {
  if (vector_.empty()) {
    ++counters_.vector_empty_cycles;
    return;
  }
  std::uint64_t ready = vector_.ready(Unit::kMatrix) | vector_.ready(Unit::kFma) | vector_.ready(Unit::kShuffle);
  int issued = 0;
  for (; vector_slots_ > 0 && ready != 0; --vector_slots_, ++issued) {
    const int index = vector_.oldest(ready);
    ready &= ~vector_.ready(vector_[index].unit);  // each unit starts one instruction a cycle
    issue_vector(index);
  }
  ++(issued == 0   ? counters_.operand_stall_cycles
     : issued == 1 ? counters_.one_vector_issue_cycles
                   : counters_.two_vector_issues_cycles);
}

template <class M, class N, class O>
void Pipeline<M, N, O>::issue_vector(int index) {
  Entry& entry = vector_[index];
  Cycles done = 0;
  if (entry.unit == Unit::kMatrix) {
    ++counters_.matrix_issues;
    done = now_ + params_.matrix_latency;
    values_.issued_sum(entry.result, now_, done, now_ + params_.sum_latency, waker());
  } else if (entry.unit == Unit::kFma) {
    ++counters_.fma_issues;
    done = now_ + params_.vector_latency;
    values_.issued(entry.result, now_, done, waker());
  } else {
    ++counters_.shuffle_issues;
    done = now_ + params_.shuffle_latency;
    values_.issued(entry.result, now_, done, waker());
  }
  observer_.issued(entry.age, entry.unit, now_, done);
  release(entry);
  --threads_[entry.thread].under_way;
  vector_.let_go(index);
}

/// A thread ends when everything it did has left.
template <class M, class N, class O>
void Pipeline<M, N, O>::finish() {
  for (std::uint32_t rest = living_; rest != 0; rest &= rest - 1) {
    const auto number = static_cast<std::size_t>(__builtin_ctz(rest));
    const Thread& thread = threads_[number];
    if (thread.halted && thread.under_way == 0 && thread.signals.size() == 0) living_ &= ~(1u << number);
  }
}

}  // namespace dojo::core
