// SPDX-License-Identifier: Apache-2.0
// The parts of the machine as sc_modules, from the ExaPod down to each node's core, SRAM and router. A module names its
// part and reads the part's counters; the moving state lies in flat arrays of the machine, which it only refers to.
//
// Every part is found by the path that reports use:
//   auto* router = dynamic_cast<dojo::systemc::Router*>(
//       sc_core::sc_find_object("exapod.cabinet[1].tray[0].tile[5].die[3].node[201].router"));
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <systemc>
#include <vector>

#include "dojo/machine/machine.h"

namespace dojo::systemc {

class Site;
class Dip;

/// Matrix, vector and scalar units of one node. Where it is, and whose it is, is its parent's knowledge: 1,062,000
/// of these carry no data of their own.
class Core : public sc_core::sc_module {
 public:
  explicit Core(sc_core::sc_module_name name) : sc_module(name) {}
  [[nodiscard]] const Site& site() const;
  [[nodiscard]] machine::NodeCounters counters() const;  ///< of the whole node
  [[nodiscard]] double speed() const;                    ///< share of the nominal compute rate
};

/// Local memory of one node.
class Sram : public sc_core::sc_module {
 public:
  explicit Sram(sc_core::sc_module_name name) : sc_module(name) {}
  [[nodiscard]] const Site& site() const;
  [[nodiscard]] machine::NodeCounters counters() const;
  [[nodiscard]] Bytes capacity_bytes() const;
};

/// Network router of one site.
class Router : public sc_core::sc_module {
 public:
  explicit Router(sc_core::sc_module_name name) : sc_module(name) {}
  [[nodiscard]] const Site& site() const;
  [[nodiscard]] machine::NodeCounters counters() const;
  [[nodiscard]] machine::LinkCounters link(topology::Direction outgoing) const;
};

/// One place of a die's grid.
class Site : public sc_core::sc_module {
 public:
  Site(sc_core::sc_module_name name, const machine::Machine& machine, DieId die, SiteIndex index)
      : sc_module(name), machine_(&machine), die_(die), index_(index) {}
  [[nodiscard]] const machine::Machine& machine() const { return *machine_; }
  [[nodiscard]] DieId die() const { return die_; }
  [[nodiscard]] SiteIndex index() const { return index_; }
  [[nodiscard]] machine::NodeCounters counters() const { return machine_->node_counters(die_, index_); }
  [[nodiscard]] virtual const Router& router() const = 0;

 private:
  const machine::Machine* machine_;
  DieId die_;
  SiteIndex index_;
};

/// A site with a router only: its core and SRAM are disabled.
class BareSite : public Site {
 public:
  using Site::Site;
  [[nodiscard]] const Router& router() const override { return router_; }

 private:
  Router router_{"router"};
};

/// A D1 node: a site whose core and SRAM work.
class Node : public Site {
 public:
  using Site::Site;
  [[nodiscard]] const Router& router() const override { return router_; }
  [[nodiscard]] const Core& core() const { return core_; }
  [[nodiscard]] const Sram& sram() const { return sram_; }

 private:
  Router router_{"router"};
  Core core_{"core"};
  Sram sram_{"sram"};
};

/// A part of a Dojo Interface Processor: its memory or one of its ports.
class DipPart : public sc_core::sc_module {
 public:
  explicit DipPart(sc_core::sc_module_name name) : sc_module(name) {}
  [[nodiscard]] const Dip& dip() const;
};
class Hbm : public DipPart {
 public:
  using DipPart::DipPart;
  [[nodiscard]] machine::LinkCounters counters() const;
  [[nodiscard]] Bytes capacity_bytes() const;
};
class Pcie : public DipPart {
 public:
  using DipPart::DipPart;
  [[nodiscard]] machine::LinkCounters counters() const;
};
class Ethernet : public DipPart {
 public:
  using DipPart::DipPart;
  [[nodiscard]] machine::LinkCounters counters() const;
};

class Dip : public sc_core::sc_module {
 public:
  Dip(sc_core::sc_module_name name, const machine::Machine& machine, std::uint32_t index)
      : sc_module(name), machine_(&machine), index_(index) {}
  [[nodiscard]] const machine::Machine& machine() const { return *machine_; }
  [[nodiscard]] std::uint32_t index() const { return index_; }  ///< over the whole machine
  [[nodiscard]] machine::DipCounters counters() const { return machine_->dip_counters(index_); }
  [[nodiscard]] const Hbm& hbm() const { return hbm_; }
  [[nodiscard]] const Pcie& pcie() const { return pcie_; }
  [[nodiscard]] const Ethernet& ethernet() const { return ethernet_; }

 private:
  const machine::Machine* machine_;
  std::uint32_t index_;
  Hbm hbm_{"hbm"};
  Pcie pcie_{"pcie"};
  Ethernet ethernet_{"ethernet"};
};

/// A part made of parts: exapod, cabinet, tray or tile; the largest one of the machine also when that is a die.
class Assembly : public sc_core::sc_module {
 public:
  using Parts = std::vector<std::unique_ptr<sc_core::sc_module>>;
  /// `build` makes the parts; it is called while this module is being constructed, so that they become its children.
  Assembly(sc_core::sc_module_name name, const std::function<Parts()>& build) : sc_module(name), parts_(build()) {}
  ~Assembly() override;
  [[nodiscard]] const Parts& parts() const { return parts_; }

 private:
  Parts parts_;
};

/// A D1 die with its nodes, row-major over its sites.
class Die : public Assembly {
 public:
  /// `detailed`: makes the site where its core runs cycle by cycle; null elsewhere.
  using Detailed =
      std::function<std::unique_ptr<Site>(const char* name, DieId die, SiteIndex site, const std::function<Parts()>&)>;
  Die(sc_core::sc_module_name name, const machine::Machine& machine, DieId index, const std::function<Parts()>& build,
      const Detailed& detailed = {});
  ~Die() override;
  [[nodiscard]] DieId index() const { return index_; }  ///< row-major over the whole machine
  /// Those whose cores do not run cycle by cycle.
  [[nodiscard]] const std::deque<Node>& nodes() const { return nodes_; }

 private:
  DieId index_;
  std::deque<Node> nodes_;
  std::deque<BareSite> bare_sites_;
  std::vector<std::unique_ptr<Site>> detailed_;
};

/// A host server: where samples lie at time 0.
class Host : public sc_core::sc_module {
 public:
  Host(sc_core::sc_module_name name, std::uint32_t index) : sc_module(name), index_(index) {}
  [[nodiscard]] std::uint32_t index() const { return index_; }  ///< within the parent

 private:
  std::uint32_t index_;
};

}  // namespace dojo::systemc
