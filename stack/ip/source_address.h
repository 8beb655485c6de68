// Which of our IPv6 addresses speaks to a destination: RFC 6724 section 5, as far as one interface with addresses that
// somebody chose needs it. None of these is deprecated, temporary or a home address, so rules 3, 4, 5 and 7 never
// decide.
#pragma once

#include <cstdint>
#include <span>

#include "wire/addr.h"

namespace tunic {

/// How far an address reaches, by the values of RFC 4291 section 2.7.
std::uint8_t scope_of(const IpAddr& a);
/// RFC 6724 section 2.1: the label of the default policy table.
std::uint8_t label_of(const IpAddr& a);
/// RFC 6724 section 2.2: how many first bits of the source `s` are those of `d`, as far as its prefix goes.
unsigned common_prefix_length(const Prefix& s, const IpAddr& d);

/// The best of the IPv6 addresses among `own` for `dst`, the first of equals; nullptr if there is none.
const Prefix* select_source(const IpAddr& dst, std::span<const Prefix> own);

}  // namespace tunic
